// Generated from lib/index.ts by "npm run generate"; do not edit.
import { DuckDBConnection } from '@duckdb/node-api';

/** One reason why a record was refused. */
export interface RejectError {
	/** The column's name; absent when the record as a whole is at fault. */
	readonly column?: string;
	/** The column's type as the database prints it. */
	readonly type?: string;
	/** The field of the record, from 1. */
	readonly field?: number;
	readonly sqlState: string;
	/** The condition's symbolic name, as in `CopyError.code`. */
	readonly code: string;
	readonly message: string;
	readonly detail?: string;
	/** The field's text, as far as there is one. */
	readonly value?: string;
}
/** A record of the input that was not loaded, with everything that is needed to load it later. */
export interface Reject {
	/** From 1, in the order of the input. */
	readonly number: number;
	/** The file as the statement names it, or `STDIN`. */
	readonly file: string;
	/** Line of the record's first byte, from 1, counted as PostgreSQL counts. */
	readonly line: number;
	/** Line of its last byte; another than `line` where quotes hold line ends. */
	readonly lastLine: number;
	/** Offset of its first byte from the start of the file, from 0, after decompression. */
	readonly byteOffset: number;
	/** Bytes it has in the file, its line end not counted. */
	readonly byteLength: number;
	/** At least one; the first is the one that an unlimited load would have failed with. */
	readonly errors: readonly RejectError[];
	/** The record's bytes as read, without its line end. */
	readonly raw: Buffer;
	/** Whether `raw` holds only the beginning. */
	readonly rawIsCut: boolean;
}
/** A refused row of a {@link DiagnosisGroup}. */
export interface DiagnosisSample {
	/** Line of the record's first byte. */
	readonly line: number;
	/** The field's text; where the record as a whole is at fault, the record's. Cut when it is long. */
	readonly value: string;
}
/** What would have made rows of a group loadable: tried on rows of it that were kept, one by one. */
export interface DiagnosisCure {
	/** An option of the statement, a setting of the session, or a change to the input before it is loaded. */
	readonly kind: "option" | "session" | "input";
	/** What the values, or the lines, look like: 'decimal comma'. */
	readonly reason?: string;
	/** An option or setting as it is written, such as `NULL 'N/A'`; what is to change in the input in words. */
	readonly change: string;
	/** What else it would do. */
	readonly note?: string;
	/**
	 * Rows that did not have this error any more, and no new one, of those that were {@link tried}. Where the delimiter was wrong, the note says
	 * what else came to light.
	 */
	readonly cured: number;
	readonly tried: number;
}
/** Refused rows that have the same wrong with them. A row with several errors is in as many groups. */
export interface DiagnosisGroup {
	/** Absent when the record as a whole is at fault. */
	readonly column?: string;
	readonly type?: string;
	readonly sqlState: string;
	readonly code: string;
	/** The message, with … in place of what differs from row to row. */
	readonly message: string;
	/**
	 * How the values look: `9` for digits, `a` for letters, all else as it is, so that 1.234,56 is `9.9,9`; '' when they are empty. Words that
	 * often stand for NULL are kept. Absent where there is no value.
	 */
	readonly shape?: string;
	readonly rows: number;
	/** The first of them. */
	readonly samples: readonly DiagnosisSample[];
	/** What would cure it, the best first; absent when nothing was found. */
	readonly cures?: readonly DiagnosisCure[];
}
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
	readonly diagnosis?: readonly DiagnosisGroup[] | undefined;
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
	/** What was wrong with the rows, when more of them were refused than the statement allows. */
	readonly diagnosis: readonly DiagnosisGroup[] | undefined;
	constructor(init: CopyErrorInit);
}
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
	/** Those of them that were refused. */
	readonly rowsRejected: number;
}
/** What one COPY did. It balances: `rowsRead = rowsLoaded + rowsFiltered + rowsRejected + rowsConflicted`. */
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
	/** Rows that were refused because of errors in them, where the statement goes on after errors. */
	readonly rowsRejected: number;
	/** Rows whose key was there already, where the statement says what becomes of them. */
	readonly rowsConflicted: number;
	/** Rows of `rowsLoaded` with a value that was replaced by NULL or its column's default. */
	readonly rowsReplaced: number;
	/** Bytes that were no UTF-8 and were replaced, where the statement says by what. */
	readonly bytesReplaced: number;
	/** Header lines skipped. */
	readonly headerLines: number;
	/** Lines before the header that SKIP passed over. */
	readonly linesSkipped: number;
	/** Bytes of input read. */
	readonly bytesRead: number;
	/** Wall time of the whole statement, milliseconds. */
	readonly elapsedMs: number;
	readonly files: readonly ReceiptFile[];
	/** The CREATE TABLE that was run, when the table was created by this load. */
	readonly createdTable?: string;
	/** Whether the load and its refused rows are recorded in the schema `copyist` of the target. */
	readonly ledger: boolean;
	/** How many of the refused rows are recorded, see `maxRejects`: here, or with the load that refused them first. Absent when none was refused. */
	readonly rejectsRecorded?: number;
	/** Why they are not, if they should have been. */
	readonly ledgerProblem?: string;
	/** Of a COPY REJECTS: the load whose refused rows these were. Those that were refused again are still that load's. */
	readonly replayOf?: string;
	/** How many of them need not be loaded any more: rows loaded, filtered and in conflict. */
	readonly rowsResolved?: number;
	/** Refused rows of that load that could not be read again, since only their beginning was kept. They are not in `rowsRead`. */
	readonly rowsCut?: number;
	/** Refused rows of that load that were never recorded, beyond its limit: they are in its input only. */
	readonly rowsUnrecorded?: number;
	/** Nothing was loaded: a load with the same LOAD_KEY had been completed before. All else is that load's receipt. */
	readonly alreadyLoaded?: boolean;
	/** When that load ended, as in `2026-01-31T12:00:00.000Z`. */
	readonly loadedAt?: string;
	/**
	 * What was wrong with refused rows, the most frequent first; absent when none was. Of the first 50,000 of them, or `maxRejects` if that is
	 * more; of all where `onReject` or `rejects` asks for them.
	 */
	readonly diagnosis?: readonly DiagnosisGroup[];
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
	/**
	 * Called with each refused row of a statement that goes on after errors, in the order of the input; also when the load fails in the
	 * end. What it throws does not end the load: it is thrown again outside of it, as an uncaught exception.
	 */
	readonly onReject?: (reject: Reject) => void;
	/**
	 * A file to write the refused rows to, byte for byte, below a header if the input has one: to be mended and loaded by the same
	 * statement. It is emptied when the load begins, and empty in the end if no row was refused; a load that fails or is interrupted leaves
	 * in it those refused by then. If it cannot be written, the load fails (53100 when the disk is full). It must not be the input.
	 */
	readonly rejects?: string;
	/**
	 * How many refused rows of the load are recorded at most; by default 50,000. They are kept in memory until its end, 32 MiB at most, and
	 * more in proportion where more rows than that are asked for.
	 */
	readonly maxRejects?: number;
	/**
	 * Bytes of a refused row that are recorded at most, by default 1 MiB; the statement's REJECT_BYTES option comes first. A row that is cut is
	 * flagged, and cannot be loaded by COPY REJECTS. `onReject` and `rejects` get rows whole.
	 */
	readonly maxRejectBytes?: number;
	/**
	 * Whether the load is recorded in the schema `copyist` of its target, with its refused rows. By default loads are that go on after
	 * errors or have a LOAD_KEY, and all loads into a database where one has been recorded before. Where the user may not create the
	 * schema, or write to it, the load goes on without, and its receipt says so.
	 */
	readonly ledger?: boolean;
}
/** What {@link Ledger.purge} removed. */
export interface Purged {
	readonly loads: number;
	readonly files: number;
	readonly rejects: number;
}
/** What {@link Database.rejects} may be told. */
export interface RejectsOptions {
	/** Also those that have been loaded since. */
	readonly all?: boolean;
	/** DuckDB: the attached database that the load wrote to; by default the current one. */
	readonly database?: string;
}
/** What {@link Database.purge} is to forget. */
export interface PurgeOptions {
	/** Loads that ended before this. */
	readonly olderThan: Date;
	/** Also loads that completed with a LOAD_KEY: another load with the key would then load the same rows again. */
	readonly keyed?: boolean;
	/** Also loads that completed and have refused rows which nobody has loaded since. */
	readonly unresolved?: boolean;
	/** DuckDB: the attached database whose record of loads is meant; by default the current one. */
	readonly database?: string;
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
	/**
	 * The refused rows of a recorded load that have not been loaded since, in the order of the input. They are read some at a time, each
	 * time as they are then; between two reads no connection is held.
	 *
	 * Rejects with {@link CopyError}: 22023 when no such load is recorded, 42P01 when none is at all.
	 */
	rejects(loadId: string, options?: RejectsOptions): AsyncGenerator<Reject, void, undefined>;
	/**
	 * Forgets loads that ended before `olderThan`, with their files and refused rows, in one transaction. Unless asked for, loads that
	 * completed stay as long as they have a LOAD_KEY or refused rows that nobody has loaded.
	 */
	purge(options: PurgeOptions): Promise<Purged>;
	/** Waits for what is running, then closes what {@link connect} opened; a Pool, Client or connection of yours stays open. */
	close(): Promise<void>;
	[Symbol.asyncDispose](): Promise<void>;
}
/** How long loads stay recorded. */
export interface LedgerRetention {
	/** Loads that ended longer ago than this are forgotten; more than 0, and not always a whole number. */
	readonly days: number;
	/** Also loads that completed with a LOAD_KEY: another load with the key would then load the same rows again. */
	readonly keyed?: boolean;
	/** Also loads that completed and have refused rows which nobody has loaded since. */
	readonly unresolved?: boolean;
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
/** What holds for all loads of a connection. */
export interface ConnectOptions {
	/** What `ledger` of a load is when it does not say; or more about the record of loads. */
	readonly ledger?: boolean | LedgerOptions;
}
/** About the record of loads in the schema `copyist` of the target. */
export interface LedgerOptions {
	/** Whether loads are recorded that do not say; by default as {@link CopyCallOptions.ledger} has it. */
	readonly record?: boolean;
	/**
	 * How long: after a load has been recorded, older ones are forgotten, by the rules of {@link Database.purge}. That is done at most once an
	 * hour, in a transaction of its own, or once a minute while there are many; not inside a transaction of yours. If it fails, the process
	 * gets a warning with the code COPYIST_RETENTION. By default for ever.
	 */
	readonly retention?: LedgerRetention;
}
/** Connects to a database. Rejects with CopyError when it cannot be reached or opened. */
export declare function connect(target: ConnectTarget, options?: ConnectOptions): Promise<Database>;

export {};
