// Generated from lib/index.ts by "npm run generate"; do not edit.
import { DuckDBConnection } from '@duckdb/node-api';

/** A stream of bytes: a Node Readable, a web ReadableStream, or any (async) iterable of byte chunks. */
export type ByteSource = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>;
/** How far a load has come. Handed to `onProgress` at most 20 times a second, and once more at the end. */
export interface Progress {
	/** Bytes of the input taken so far. */
	readonly bytesRead: number;
	/** Size of the input in bytes; absent for a stream whose length nobody knows. */
	readonly bytesTotal?: number;
	/** Data rows decoded so far; header lines are not rows. */
	readonly rowsRead: number;
	/** Milliseconds since the statement started. */
	readonly elapsedMs: number;
	/** Rows per second, averaged since the start. */
	readonly rowsPerSecond: number;
	/** Bytes per second, averaged since the start. */
	readonly bytesPerSecond: number;
	/** Milliseconds left at the present rate; absent while `bytesTotal` is unknown or nothing has been read. */
	readonly etaMs?: number;
}
/** One input of a load. */
export interface ReceiptFile {
	/** The path as the statement gives it, or `STDIN`. */
	readonly path: string;
	/** Bytes read from it. */
	readonly bytes: number;
	/** Data rows found in it. */
	readonly rows: number;
}
/** What one COPY did. It balances: `rowsRead = rowsLoaded + rowsFiltered`. */
export interface Receipt {
	/** A UUID of this load. */
	readonly id: string;
	/** The statement as it was given. */
	readonly statement: string;
	readonly target: "postgres" | "duckdb";
	/** The table, schema-qualified and quoted where needed. */
	readonly table: string;
	/** The columns that were loaded, in the order of the input's fields. */
	readonly columns: readonly string[];
	/** Data rows found in the input; header lines are not rows. */
	readonly rowsRead: number;
	/** Rows the table took. */
	readonly rowsLoaded: number;
	/** Rows held back by WHERE, a trigger or a rule. */
	readonly rowsFiltered: number;
	/** Header lines skipped. */
	readonly headerLines: number;
	/** Bytes of input read. */
	readonly bytesRead: number;
	/** Wall time of the whole statement, milliseconds. */
	readonly elapsedMs: number;
	readonly files: readonly ReceiptFile[];
	/** The CREATE TABLE that was run, when the table was created by this load. */
	readonly createdTable?: string;
	/**
	 * How the rows travelled: PostgreSQL's binary COPY, its TEXT COPY (a column type that only the server can parse), or
	 * DuckDB column vectors.
	 */
	readonly transport: "binary" | "text" | "vectors";
	/** Decoder threads used. */
	readonly threads: number;
	/** The instruction set that scanned the input: `avx512`, `avx2`, `neon` or `scalar`. */
	readonly instructionSet: string;
}
/** What a call of {@link Database.copy} may set beside the statement. */
export interface CopyCallOptions {
	/**
	 * The input of `FROM STDIN`: a Node Readable, a web ReadableStream, any (async) iterable of byte chunks, or the bytes
	 * themselves. Strings count as UTF-8.
	 */
	readonly stdin?: ByteSource | Uint8Array | string;
	/** Aborting rolls the load back; `copy` then rejects with SQLSTATE 57014. */
	readonly signal?: AbortSignal;
	/**
	 * Called at most 20 times a second while the load runs, and once at its end. What it throws does not end the load: it
	 * is thrown again outside of it, as an uncaught exception.
	 */
	readonly onProgress?: (progress: Progress) => void;
	/** Decoder threads; by default the cores of this process, at most 4. */
	readonly threads?: number;
	/** Bytes that buffers may take, at least 1 MiB; by default 256 MiB. A record may take an eighth of it. */
	readonly memoryLimit?: number;
	/** Whether a table that does not exist is created from the file; the statement's CREATE_TABLE option comes first. */
	readonly createTable?: boolean;
}
/** A connected database. Statements may run at the same time where the target has a connection for each. */
export declare class Database {
	#private;
	private constructor();
	/** Which database this is. */
	get kind(): "postgres" | "duckdb";
	/**
	 * Runs one COPY statement in one transaction and answers with its receipt.
	 *
	 * Rejects with {@link CopyError}; then nothing was loaded.
	 */
	copy(statement: string, options?: CopyCallOptions): Promise<Receipt>;
	/** Waits for running loads, then closes what {@link connect} opened; a Pool, Client or connection of yours stays open. */
	close(): Promise<void>;
	[Symbol.asyncDispose](): Promise<void>;
}
interface PostgresClient {
	query: (...args: any[]) => any;
	on: (event: "error", listener: (error: any) => void) => unknown;
	removeListener: (event: "error", listener: (error: any) => void) => unknown;
	readonly escapeIdentifier: (text: string) => string;
}
interface PostgresPool {
	connect: (...args: any[]) => any;
	readonly totalCount: number;
	readonly idleCount: number;
	readonly waitingCount: number;
}
/**
 * What {@link connect} takes:
 * - `postgres://…` or `postgresql://…`: a PostgreSQL server, over a small pool of our own;
 * - `postgres:` alone: the server that `PGHOST`, `PGDATABASE` and the other PG* variables name;
 * - `:memory:`, or the path of a DuckDB database file, created when there is none, and removed again at the end if nothing was
 *   put into it;
 * - a Pool or a connected Client of the package `pg`, or a DuckDBConnection of `@duckdb/node-api`; these stay yours: they are
 *   not closed, and a transaction that a Client or DuckDBConnection is in stays open.
 */
export type ConnectTarget = string | PostgresPool | PostgresClient | DuckDBConnection;
/** Connects to a database. Rejects with CopyError when it cannot be reached or opened. */
export declare function connect(target: ConnectTarget): Promise<Database>;
/** Where in the input an error is. Every field is absent when it is not known. */
export interface CopyPosition {
	/** The file as the statement names it, or `STDIN`. */
	readonly file?: string;
	/** Line number from 1, counted as PostgreSQL's CONTEXT counts. */
	readonly line?: number;
	/** Offset from 0 of the record's first byte in the file (after decompression). */
	readonly byteOffset?: number;
	/** The column's name. */
	readonly column?: string;
}
/** The parts of a {@link CopyError}. */
export interface CopyErrorInit {
	readonly code: string;
	readonly sqlState: string;
	readonly message: string;
	readonly position?: CopyPosition | undefined;
	readonly detail?: string | undefined;
	readonly hint?: string | undefined;
	/** PostgreSQL's CONTEXT, such as `COPY weather, line 5, column temp: "abc"`. */
	readonly context?: string | undefined;
	/** The statement and the character in it (from 0) that the error is about; printed with a caret. */
	readonly statement?: {
		readonly text: string;
		readonly offset: number;
	} | undefined;
	readonly cause?: unknown;
}
/**
 * Everything that can go wrong with a COPY: the statement, the file, the data, the target, an abort.
 *
 * `code` is the symbolic name of the condition (PostgreSQL's own, in snake_case), `sqlState` its SQLSTATE.
 */
export declare class CopyError extends Error {
	readonly name = "CopyError";
	readonly code: string;
	readonly sqlState: string;
	readonly position: CopyPosition;
	readonly detail: string | undefined;
	readonly hint: string | undefined;
	readonly context: string | undefined;
	readonly statement: {
		readonly text: string;
		readonly offset: number;
	} | undefined;
	constructor(init: CopyErrorInit);
}

export {};
