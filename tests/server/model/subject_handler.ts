/**
 * A handler for the tests. The first bytes of a connection say what it is to do; of anything else it is an echo.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { threadId } from "node:worker_threads";
import { type Accept, type Connection, type ConnectionHandler, openHandles } from "../../../src/net/mod.ts";
import { patternAt } from "../../net/recording.ts";

function say(connection: Connection, text: string): void {
  if (!connection.write(Buffer.from(text))) connection.pause();
}

function crash(): undefined {
  setTimeout(() => {
    throw new Error("thrown on command");
  });
}

function killProcess(): undefined {
  process.kill(process.pid, "SIGKILL");
}

/** What is done at a word, and with the connection from then on. */
const WORDS: Readonly<Record<string, (connection: Connection) => Partial<ConnectionHandler> | undefined>> = {
  who: (connection) => void say(connection, `${process.pid}/${threadId}`),
  handles: (connection) => void say(connection, `${openHandles()}`),
  crash,
  kill: killProcess,
  abort: (connection) => void connection.abort(),
  close: (connection) => {
    say(connection, "goodbye");
    connection.close();
  },
  throw() {
    throw new Error("thrown in data");
  },
  /** Answers once the client has ended. */
  late: () => ({
    end(connection) {
      say(connection, "late answer");
      connection.end();
    },
  }),
  /** The same with 16 MiB. */
  large: () => ({
    end(connection) {
      connection.write(patternAt(0, 16 * 1024 * 1024));
      connection.end();
    },
  }),
  /** An echo that tells at the end how much it has held at most of what the client had not taken. */
  weigh(connection) {
    let most = 0;
    say(connection, "weighing");
    return {
      data(_, chunk) {
        ECHO.data(connection, chunk);
        most = Math.max(most, connection.queuedBytes);
      },
      end() {
        say(connection, `${most}`);
        connection.end();
      },
    };
  },
  /** Ends at once, and tells by an error how much the client has still sent. */
  deaf(connection) {
    connection.end();
    let bytes = 0;
    return {
      data(_, chunk) {
        bytes += chunk.length;
      },
      end() {
        throw new Error(`heard ${bytes} bytes`);
      },
    };
  },
  /** Tells by an error why it was over. */
  watch: (connection) => {
    say(connection, "watching");
    return {
      close(_, reason) {
        throw new Error(`closed: ${reason}`);
      },
    };
  },
};

const ECHO: ConnectionHandler = {
  data(connection, chunk) {
    if (!connection.write(chunk)) connection.pause();
  },
  drain: (connection) => connection.resume(),
  end: (connection) => connection.end(),
  close: () => undefined,
};

/** Echoes, but for the words above. */
export const accept: Accept = () => ({
  ...ECHO,
  data(connection, chunk) {
    const word = WORDS[Buffer.from(chunk).toString()];
    if (!word) {
      connection.handle(ECHO);
      ECHO.data(connection, chunk);
      return;
    }
    const rest = word(connection);
    if (rest) connection.handle({ ...ECHO, ...rest });
  },
});
