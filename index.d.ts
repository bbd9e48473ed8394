// Generated from lib/index.ts by "npm run generate"; do not edit.
import { DuckDBConnection } from '@duckdb/node-api';
import { inspect } from 'node:util';

/** Credentials as AWS's own packages have them. */
export interface AwsCredentials {
	readonly accessKeyId: string;
	readonly secretAccessKey: string;
	readonly sessionToken?: string;
	/** When they stop being valid; absent: never. */
	readonly expiration?: Date;
}
/**
 * What gives credentials; asked again when they are about to expire, or were refused. One that keeps what it gave, as AWS's own do, is told by
 * `forceRefresh` that it must not give them again.
 */
export type AwsCredentialProvider = (options?: {
	readonly forceRefresh?: boolean;
}) => Promise<AwsCredentials>;
declare class Secret {
	#private;
	constructor(value: string);
	/** The value itself, for whoever signs with it. */
	reveal(): string;
	toString(): string;
	toJSON(): string;
	[inspect.custom](): string;
}
type DatePattern = string | readonly string[];
interface Name {
	readonly value: string;
	readonly quoted: boolean;
	/** Offset in the statement of its first character. */
	readonly offset: number;
}
interface QualifiedName {
	readonly catalog?: Name;
	readonly schema?: Name;
	readonly name: Name;
}
type Source = {
	readonly kind: "file";
	readonly path: string;
	readonly offset: number;
} | {
	readonly kind: "stdin";
	readonly offset: number;
};
type OptionArgument = {
	readonly kind: "string";
	readonly value: string;
	readonly offset: number;
} | {
	readonly kind: "integer";
	readonly value: number;
	readonly offset: number;
}
/** A number that is no 32-bit integer, as it is written. */
 | {
	readonly kind: "float";
	readonly value: string;
	readonly offset: number;
} | {
	readonly kind: "star";
	readonly offset: number;
} | {
	readonly kind: "list";
	readonly items: readonly Name[];
	readonly offset: number;
}
/** `[ 'a', 'b' ]` */
 | {
	readonly kind: "array";
	readonly items: readonly string[];
	readonly offset: number;
}
/** What an option of its own grammar says. */
 | (Clause & {
	readonly offset: number;
});
type Clause = {
	readonly kind: "formatter";
	readonly fields: readonly FixedField[];
} | {
	readonly kind: "transform";
	readonly columns: readonly Transform[];
} | {
	readonly kind: "when";
	readonly condition: When;
} | {
	readonly kind: "sequence";
	readonly columns: readonly Sequence[];
} | {
	readonly kind: "constant";
	readonly columns: readonly Constant[];
} | {
	readonly kind: "lineage";
	readonly columns: readonly Lineage[];
};
interface SqlText {
	readonly sql: string;
	readonly offset: number;
}
interface FixedField {
	/** The column; of Redshift's FIXEDWIDTH, whose labels mean nothing, the label. */
	readonly name: Name;
	readonly offset: number;
	readonly length: number;
}
interface FixedLayout {
	readonly unit: "bytes" | "chars";
	readonly fields: readonly FixedField[];
	/** The fields go to the columns by their names, or one after the other (Redshift). */
	readonly match: "name" | "order";
}
interface Transform {
	readonly column: Name;
	/** The type that the field has in the expression; absent: the column's. */
	readonly type?: SqlText;
	/** One expression, balanced, without comments, parameters and subqueries. Absent: the field itself. */
	readonly expression?: SqlText;
}
interface When {
	readonly subject: {
		readonly kind: "range";
		readonly start: number;
		readonly end: number;
	} | {
		readonly kind: "column";
		readonly name: Name;
	};
	readonly operator: "=" | "!=";
	readonly value: string;
}
interface Sequence {
	readonly column: Name;
	/** A bigint where a number does not hold it exactly. */
	readonly start: number | bigint;
	readonly increment: number | bigint;
}
interface Constant {
	readonly column: Name;
	readonly value: string;
}
type LineageKind = (typeof lineageKinds)[number];
declare const lineageKinds: readonly [
	"file",
	"line",
	"offset",
	"load_id",
	"etag",
	"last_modified",
	"size"
];
interface Lineage {
	readonly column: Name;
	readonly of: LineageKind;
}
interface OptionItem {
	/** In lower case, unless it was quoted. */
	readonly name: string;
	readonly offset: number;
	/** Where the option's name ends. */
	readonly end: number;
	readonly argument?: OptionArgument;
	/** The words as they are written, in upper case, where they are not the option's own name. */
	readonly word?: string;
	/** The system whose word this is. Absent: anybody's. */
	readonly of?: Evidence;
}
/** A system whose COPY is spoken here. */
export type Dialect = "postgresql" | "gaussdb" | "materialize" | "questdb" | "redshift";
interface Evidence {
	readonly dialect: Dialect;
	readonly exclusive: boolean;
}
/** Whose rules and defaults a statement follows, and how that was found. */
export interface StatementDialect {
	readonly name: Dialect;
	/** By the option DIALECT (or the caller), or by a word that only this system has. */
	readonly found: "given" | "words";
	/** That word, in upper case. */
	readonly word?: string;
}
/** What is to be known of an option: mostly that it changes nothing here, and why. */
export interface StatementNote {
	/** In upper case. */
	readonly option: string;
	readonly reason: string;
}
interface DateFormats {
	/** Whose patterns they are: PostgreSQL's to_char, or Java's (QuestDB); but for those of strptime, which show that they are. */
	readonly language: "to_char" | "java";
	readonly date?: DatePattern;
	readonly time?: DatePattern;
	/** With to_char also `auto`, `epochsecs` and `epochmillisecs` (Redshift). */
	readonly timestamp?: DatePattern;
	readonly smalldatetime?: DatePattern;
}
type Compression = "gzip" | "zstd" | "bzip2" | "xz" | "lz4" | "brotli" | "lzop";
interface RemoteAccess {
	readonly iamRole?: string;
	/**
	 * Secrets stand in the statement, and are kept nowhere; or the name of a connection, out of sight because it could be a secret that
	 * somebody took for one.
	 */
	readonly credentials?: true | Secret;
	readonly region?: string;
	readonly manifest?: true;
	/** Absent: as the input tells. */
	readonly compression?: "none" | Compression;
	/** Materialize's AWS CONNECTION. */
	readonly connection?: string;
	readonly files?: readonly string[];
	readonly pattern?: string;
}
interface ErrorPolicy {
	/** A value that its column's type refuses. */
	readonly conversion: "stop" | "skip_row" | "set_null" | "set_default";
	/** A row with too few or too many fields, bytes that are no UTF-8, a broken quote, a stray line end. */
	readonly structure: "stop" | "skip_row";
	/** A row that only the target refuses: NOT NULL, CHECK, foreign, unique and exclusion constraints, domains, triggers. */
	readonly constraint: "stop" | "skip_row";
	/**
	 * The load fails when more rows than this are refused; absent: any number may be. A ratio is in per cent of the rows read,
	 * more than 0 and at most 100. `name` is the word of the statement, for messages.
	 */
	readonly limit?: {
		readonly kind: "rows";
		readonly most: number;
		readonly name: string;
	} | {
		readonly kind: "ratio";
		readonly most: number;
		readonly name: string;
	};
	readonly verbosity: "silent" | "default" | "verbose";
}
interface InvalidChars {
	readonly replacement: string;
	/** What NUL becomes; absent: it is refused, as it always is otherwise. */
	readonly nul?: string;
}
interface ConflictPolicy {
	/** Absent: any unique constraint, or, for an update, the table's primary key. */
	readonly columns?: readonly Name[];
	readonly action: "skip" | "update" | "reject" | "error";
	/** Which of several rows of the input with the same key counts. */
	readonly keep: "first" | "last";
	readonly offset: number;
}
interface CopyOptions {
	readonly format: "csv" | "text" | "fixed" | "binary" | "parquet" | "arrow";
	/** One byte; up to 10 in GaussDB's dialect. Empty in fixed. */
	readonly delimiter: string;
	readonly null: string;
	/** csv only. */
	readonly quote: string;
	/** csv only. */
	readonly escape: string;
	readonly header: "false" | "true" | "match";
	/** Lines before the first record, header included, that are no records. Absent: none. */
	readonly skip?: number;
	readonly forceNotNull: "*" | readonly Name[];
	readonly forceNull: "*" | readonly Name[];
	readonly default?: string;
	/** `UTF8` or another of PostgreSQL's names (`LATIN1`, `GBK`), `UTF16`, `UTF16LE` or `UTF16BE`. */
	readonly encoding: string;
	/** The decimal mark of numbers; absent: the point. */
	readonly decimalSeparator?: ",";
	readonly errors: ErrorPolicy;
	/** Bytes of a refused row that are recorded. Absent when the statement does not say; the caller's own setting then decides. */
	readonly rejectBytes?: number;
	/** Fields after the last column are dropped. */
	readonly ignoreExtraData: boolean;
	/** What a row may lack: its last field, or any number of fields at its end. Absent: nothing. */
	readonly fillMissingFields?: "one" | "multi";
	/** Of what is missing strings are empty; absent: NULL, as all else. csv and text only. */
	readonly emptyWhereMissing?: true;
	readonly invalidChars?: InvalidChars;
	/** Strings longer than their column are cut. */
	readonly truncateColumns: boolean;
	readonly onConflict?: ConflictPolicy;
	/** A name of the load's own, 1 to 200 characters, by which a repetition is recognized. */
	readonly loadKey?: string;
	/** Absent when the statement does not say; the caller's own setting then decides. */
	readonly createTable?: boolean;
	/** What ends a record, up to 10 bytes. text only; absent: a line feed, a carriage return or both. */
	readonly eol?: string;
	/**
	 * text only. What a backslash does: nothing at all (`none`), or it makes the next character part of the value, whichever it is
	 * (`next`). Absent: PostgreSQL's sequences.
	 */
	readonly backslash?: "none" | "next";
	/** `\.` is data, in the middle of the input, too. */
	readonly useEof?: true;
	/** Whether the first line is a header is found out by its looks. */
	readonly detectHeader?: true;
	/** fixed only, and always there. */
	readonly fixed?: FixedLayout;
	readonly dateFormats?: DateFormats;
	/** QuestDB's designated timestamp, to which alone its pattern applies. */
	readonly timestampColumn?: Name;
	/** QuestDB's PARTITION BY of the table that is made. */
	readonly partitionBy?: "none" | "year" | "month" | "week" | "day" | "hour";
	readonly transform?: readonly Transform[];
	readonly when?: When;
	readonly sequence?: readonly Sequence[];
	/** Columns of the list that are read and dropped; the table need not have them. */
	readonly filler?: readonly Name[];
	readonly constant?: readonly Constant[];
	readonly lineage?: readonly Lineage[];
	/** The parts `key=value` of the path of a file are columns. */
	readonly hivePartitioning?: true;
	/** Of those the keys, once the files are known; no statement says them. */
	readonly partitions?: readonly Name[];
	/** The fields are matched with the columns by the header, whatever their order; either may have more. */
	readonly mapByName?: true;
	/** parquet and arrow only. Columns belong to those of the table by their places. Absent: by their names. */
	readonly byPosition?: true;
	/** Dates and timestamps that cannot be read become NULL. */
	readonly acceptAnyDate?: true;
	/** Strings of nothing but white space become NULL. */
	readonly blanksAsNull?: true;
	/** Empty fields become NULL: of columns that hold no strings, or of all. */
	readonly emptyAsNull?: "values" | "all";
	/** White space at the end of strings is cut off. */
	readonly trimBlanks?: true;
	/** text only. Quotes around a field are taken off. */
	readonly removeQuotes?: true;
	/** csv only. White space between a delimiter and the quotes around a field is no part of it, as in Redshift. */
	readonly unpadQuotes?: true;
	/** Numbers with more decimals than their column are truncated, as in Redshift. Absent: they are rounded. */
	readonly decimals?: "truncate";
	/** Lines with nothing in them are no records. */
	readonly skipBlankLines?: true;
	/** Identity columns take the values of the file. */
	readonly explicitIds?: true;
	/** Nothing is loaded; the input is only looked at. */
	readonly validateOnly?: true;
	/** The table's statistics are gathered after the load. */
	readonly analyze?: true;
	/** PostgreSQL's COPY FREEZE. */
	readonly freeze?: true;
	readonly remote?: RemoteAccess;
}
/** `COPY … FROM …`, parsed and validated. */
export interface CopyFrom {
	readonly kind: "copy from";
	/** The statement as given, but for secrets in it, which are asterisks. */
	readonly text: string;
	readonly table: QualifiedName;
	readonly columns?: readonly Name[];
	readonly source: Source;
	readonly options: CopyOptions;
	/** The condition's SQL text without the word WHERE. */
	readonly where?: SqlText;
	/** Absent: PostgreSQL's, since nothing says otherwise. */
	readonly dialect?: StatementDialect;
	/** Options that change nothing here. Absent: none. */
	readonly notes?: readonly StatementNote[];
}
/** `EXPLAIN [VALIDATE] COPY …`: says what the statement would do. */
export interface Explain {
	readonly kind: "explain";
	/** The statement as given. */
	readonly text: string;
	/** The whole input is looked at, and what would be refused is counted. */
	readonly validate: boolean;
	readonly statement: CopyFrom;
}
/** A secret of a config file: itself, or where it is. A file's line end is no part of it. */
export type SecretSource = string | {
	readonly env: string;
} | {
	readonly file: string;
};
/**
 * Gives a token for `Authorization: Bearer`: asked when one is needed, again two minutes before its expiration, and after it was refused, then with
 * `forceRefresh`.
 */
export type BearerTokenProvider = (options?: {
	readonly forceRefresh?: boolean;
}) => Promise<string | {
	readonly token: string;
	readonly expiration?: Date;
}>;
/** How an object store is reached. In a config file secrets may be {@link SecretSource}s, and providers cannot be. */
export interface StoreConnection {
	/** Of S3 and what speaks its language. */
	readonly region?: string;
	/** The URL of a store other than AWS's, Google's or Azure's. */
	readonly endpoint?: string;
	/** Whether the bucket stands in the path and not in the host's name; by default it does where there is an endpoint. */
	readonly pathStyle?: boolean;
	/** Whether requests are not signed. */
	readonly anonymous?: boolean;
	/** A profile of AWS's configuration files. */
	readonly profile?: string;
	readonly accessKeyId?: string;
	readonly secretAccessKey?: SecretSource;
	readonly sessionToken?: SecretSource;
	/** A role that is taken on with the credentials. */
	readonly roleArn?: string;
	readonly externalId?: string;
	readonly roleSessionName?: string;
	/** The URL of a token service other than AWS's. */
	readonly stsEndpoint?: string;
	/** Asked when credentials are needed, and again before they expire. In code only. */
	readonly credentials?: AwsCredentials | AwsCredentialProvider;
	/** Google: the JSON of a service account's key. */
	readonly serviceAccountKey?: SecretSource;
	/**
	 * Azure: the storage account, and its key or a shared access signature. One of another cloud than the public one is said as its server,
	 * `name.blob.core.chinacloudapi.cn`, or by `endpoint`.
	 */
	readonly account?: string;
	readonly accountKey?: SecretSource;
	readonly sas?: SecretSource;
	/** HTTP: the token of `Authorization: Bearer`, which goes to `hosts` and `endpoint` only. Also of Google, and of Azure with Entra ID. */
	readonly bearerToken?: SecretSource | BearerTokenProvider;
	/**
	 * HTTP: the servers that get the token, by `https:`: `data.example.com`, `*.example.com` for all below it, `host:port` for another port than
	 * 443. A server without encryption is named as `endpoint`.
	 */
	readonly hosts?: readonly string[];
}
/** What statements may read. What is not listed they may not; STDIN and rows, which the program hands over itself, they always may. */
export interface AccessRules {
	/** Folders: only regular files whose real paths lie below one of them are read. Default: none. */
	readonly files?: readonly string[];
	/** Schemes of network sources, such as `https` and `s3`. Default: none. */
	readonly schemes?: readonly string[];
	/**
	 * Hosts of network sources: `data.example.com`, `*.example.com` for all below it, `host:port` for another port than the scheme's;
	 * `s3://bucket` for a bucket. Default: none.
	 */
	readonly hosts?: readonly string[];
	/**
	 * Addresses and networks (CIDR) that are not of the Internet and may be reached all the same, such as `127.0.0.1` or `10.1.0.0/16`.
	 * Default: none, so that no host leads to this machine, to its networks, or to a cloud's metadata.
	 */
	readonly addresses?: readonly string[];
	/** Whether statements may have SQL of their own (WHERE, TRANSFORM), which the database runs with the connection's rights. Default: false. */
	readonly sql?: boolean;
	/** Connections that statements may name (AWS CONNECTION, CREDENTIALS). Default: none. */
	readonly connections?: readonly string[];
	/** Roles, by their ARNs, that statements may have taken on (IAM_ROLE). The one of a connection comes with it. Default: none. */
	readonly roles?: readonly string[];
}
/** `open`: whatever this process may read. `closed`: what the program hands over. */
export type Access = "open" | "closed" | AccessRules;
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
/** A value that did not fit, and what the row was loaded with in its place. */
export interface ReplacedValue extends RejectError {
	readonly column: string;
	readonly replacement: "null" | "default";
}
/** A record of the input, and where it stands. */
export interface InputRecord {
	/** The file as the statement names it, or `STDIN`. */
	readonly file: string;
	/** Line of the record's first byte, from 1, counted as PostgreSQL counts. */
	readonly line: number;
	/** Line of its last byte; another than `line` where quotes hold line ends, but for line feeds in the input's first record, which PostgreSQL does not count. */
	readonly lastLine: number;
	/** Offset of its first byte from the start of the file, from 0, after decompression. */
	readonly byteOffset: number;
	/** Bytes it has in the file, its line end not counted. */
	readonly byteLength: number;
	/** The record's bytes as read, without its line end. */
	readonly raw: Buffer;
	/** Whether `raw` holds only the beginning, or, of rows of the program, a name such as `(a function)` in place of a value that has no text: it cannot be loaded again. */
	readonly rawIsCut: boolean;
}
/** A row with values that did not fit and were replaced, as ON_ERROR set_null, SKIP_COLUMN and ACCEPTANYDATE say. It is no {@link Reject}. */
export interface ReplacedRow extends InputRecord {
	/** From 1, in the order of the input. */
	readonly number: number;
	/** At least one, in the order of the columns. */
	readonly values: readonly ReplacedValue[];
}
/** A record of the input that was not loaded, with everything that is needed to load it later. */
export interface Reject extends InputRecord {
	/** From 1, in the order of the input; but rows come last that PostgreSQL refuses for a reference to a row of their own table. */
	readonly number: number;
	/**
	 * At least one. Of a row with a value that cannot be read there are all such values, whoever reads them, and, where constraints are
	 * forgiven too, the conditions that read none of them; not keys and references, which are looked up of rows that can be read. Of the
	 * last rows before an error that ends the load, of those with TRANSFORM, and of malformed records only what the decoder says. Where the
	 * decoder refuses a field they are in the order of the columns, those that are about several columns at the end; else in that in which the target finds them.
	 */
	readonly errors: readonly RejectError[];
}
/** A refused row of a {@link DiagnosisGroup}. */
export interface DiagnosisSample {
	/** Line of the record's first byte. */
	readonly line: number;
	/** Where there are several files, the one that it is in. */
	readonly file?: string;
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
	readonly loadId?: string | undefined;
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
	/** Of a load that has failed and is recorded: what the record and `db.rejects()` call it. */
	readonly loadId: string | undefined;
	constructor(init: CopyErrorInit);
}
type ByteChunk = Uint8Array | string;
/** A stream of bytes: a Node Readable, a web ReadableStream, or any (async) iterable of byte chunks, or of promises of them. */
export type ByteSource = AsyncIterable<ByteChunk | PromiseLike<ByteChunk>> | Iterable<ByteChunk | PromiseLike<ByteChunk>>;
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
/** What became of the rows and lines of one input, or of all. */
export interface ReceiptCounts {
	/** Rows the table took; with ON CONFLICT DO UPDATE, one for each key of which an accepted row is kept. */
	readonly rowsLoaded: number;
	/** Rows held back by WHERE, WHEN, a trigger or a rule. */
	readonly rowsFiltered: number;
	/** Rows that were refused because of errors in them, where the statement goes on after errors. */
	readonly rowsRejected: number;
	/** Rows whose key was there already, or came again, where the statement says what becomes of them. */
	readonly rowsConflicted: number;
	/** Rows with a value that was replaced by NULL or its column's default, those included that WHERE or ON CONFLICT then held back. */
	readonly rowsReplaced: number;
	/** Header lines skipped. */
	readonly headerLines: number;
	/** Lines before the header that SKIP passed over. */
	readonly linesSkipped: number;
	/** Empty lines that were passed over, where the statement says so; they are no rows. */
	readonly blankLines: number;
}
type OfTarget = "rowsLoaded" | "rowsConflicted";
/**
 * One input of a load, and all of them make up the load. It balances by itself: `rows = rowsLoaded + rowsFiltered + rowsRejected +
 * rowsConflicted`. Of several inputs the first and the last of these are absent, and `rowsFiltered` are those that WHEN passed over, where
 * the target has filtered rows of the load or found keys there already: it does not say of which input these were.
 */
export interface ReceiptFile extends Omit<ReceiptCounts, OfTarget>, Partial<Pick<ReceiptCounts, OfTarget>> {
	/** The path as the statement gives it, or as it was found; or `STDIN`. */
	readonly path: string;
	/** Of an object: the tag of the version that was read, without quotes, and when that was written (ISO 8601), as far as its server tells. */
	readonly etag?: string;
	readonly modified?: string;
	/** Of MAP BY NAME: the names in its header, where its fields stand in another order than those of the first file. */
	readonly fields?: readonly string[];
	/** Bytes read from it. */
	readonly bytes: number;
	/** Data rows found in it. */
	readonly rows: number;
}
/**
 * What one COPY did. It balances: `rowsRead = rowsLoaded + rowsFiltered + rowsRejected + rowsConflicted`, and of a statement that only
 * validates `rowsRead = rowsValidated + rowsFiltered + rowsRejected`.
 */
export interface Receipt extends ReceiptCounts {
	/** A UUID of this load. */
	readonly id: string;
	/** The statement as it was given. */
	readonly statement: string;
	/** Whose rules it followed, and how that was found. Absent: PostgreSQL's, since nothing said otherwise. */
	readonly dialect?: StatementDialect;
	/** Options of the statement that changed nothing, and why; and which columns MAP BY NAME has not found in the input. Absent: none. */
	readonly notes?: readonly StatementNote[];
	readonly target: "postgres" | "duckdb";
	/** The table, schema-qualified and quoted where needed. */
	readonly table: string;
	/** The columns that were loaded, in the order of the input's fields. */
	readonly columns: readonly string[];
	/** Data rows found in the input; header lines are not rows. */
	readonly rowsRead: number;
	/** What the input was in, by the word that ENCODING takes; of UTF-16 with its byte order. Absent: UTF-8. */
	readonly encoding?: string;
	/** The names of the header, to which MAP BY NAME has matched the columns; of several files that of the first. Absent without that. */
	readonly fields?: readonly string[];
	/** VALIDATE_ONLY: rows that nothing was found wrong with. None was loaded. Absent for a load. */
	readonly rowsValidated?: number;
	/** Bytes that were no UTF-8 and were replaced, where the statement says by what. */
	readonly bytesReplaced: number;
	/** Whether the first line was found to be a header, where the statement leaves that open (QuestDB). */
	readonly headerDetected?: boolean;
	/** Bytes of input read. */
	readonly bytesRead: number;
	/** Wall time of the whole statement, milliseconds. */
	readonly elapsedMs: number;
	/** The inputs in their order: one. */
	readonly files: readonly ReceiptFile[];
	/** The CREATE TABLE that was run, when the table was created by this load. */
	readonly createdTable?: string;
	/** Whether the load and its refused rows are recorded in the schema `copyist` of the target. */
	readonly ledger: boolean;
	/** How many of the refused rows are recorded, see `maxRejects`: here, or with the load that refused them first. Absent when none was refused. */
	readonly rejectsRecorded?: number;
	/** How many of the rows with replaced values are recorded in `copyist.replaced`, see `maxRejects`. Absent when there was none. */
	readonly replacedRecorded?: number;
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
	/** The same of values that did not fit and were replaced: of the first 50,000 rows, or `maxRejects`; of all where `onReplace` asks for them. */
	readonly replaced?: readonly DiagnosisGroup[];
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
/** What a row may hold: whatever its column's type reads as text, or a value of JavaScript that there is a text for. */
export type RowValue = string | number | bigint | boolean | object | null | undefined;
/** A row of which nothing more is known. */
export type AnyRow = Readonly<Record<string, RowValue>> | readonly RowValue[];
/** What a row's type is to be: an object or an array of values. */
export type RowOf<Row> = {
	readonly [Key in keyof Row]: RowValue;
};
/** Rows as objects, by the names of the columns, or as arrays, in their order. */
export type RowSource<Row = unknown> = AsyncIterable<Row | PromiseLike<Row>> | Iterable<Row | PromiseLike<Row>>;
/** What a call may set of how an input is read, whatever becomes of its rows. */
export interface InputOptions {
	/**
	 * The input of `FROM STDIN`: a Node Readable, a web ReadableStream, any (async) iterable of byte chunks, or the bytes
	 * themselves. Strings are text already, and refused (22023) beside an ENCODING other than UTF8; so is, always, a Readable whose
	 * encoding is `base64` or `hex`. A chunk may be promised. A Readable that flows into a listener or a pipe, or comes to (but in an EXPLAIN), is read by both, unless that
	 * has had some of it when it is handed over, which is refused (22023). The load does not wait for a pipe: what that has not taken is in memory.
	 */
	readonly stdin?: ByteSource | Uint8Array | string;
	/**
	 * Called at most 20 times a second while the input is read, and once at its end. What it throws does not end that: it
	 * is thrown again outside of it, as an uncaught exception.
	 */
	readonly onProgress?: (progress: Progress) => void;
	/** Decoder threads; by default the cores of this process, at most 4. */
	readonly threads?: number;
	/**
	 * Bytes that buffers may take, at least 1 MiB; by default 256 MiB. A record may take an eighth of it; rows that have
	 * been handed to the program do not count.
	 */
	readonly memoryLimit?: number;
	/** Bytes that one compressed input may become; by default any number. */
	readonly maxDecompressedBytes?: number;
	/** Bytes that each byte of a compressed input may become, beyond its first 64 MiB of text; by default 500, of lz4 100. */
	readonly maxCompressionRatio?: number;
}
/** What a call of {@link Database.copy} may set beside the statement. `Row` is what `rows` consists of. */
export interface CopyCallOptions<Row = AnyRow> extends InputOptions {
	/**
	 * Rows in place of bytes, for `FROM STDIN`: an array, a Node Readable in object mode, a web ReadableStream or any (async) iterable of
	 * objects with the columns' names as keys, or of arrays in the columns' order. Without a list of columns in the statement, that of objects
	 * is the keys of the first one, and that of arrays all columns of the table.
	 *
	 * What a value becomes is a matter of its column, see the README; one that its column does not take is an error of its row, whose number is
	 * the `line` of errors and refused rows. `null`, `undefined` and a missing key are NULL, the last two the column's default where the
	 * statement has the option DEFAULT.
	 *
	 * A row may be promised. Promises in an array may fail before it is their turn; one that a generator yields is known when it is yielded,
	 * and what it does before is heard by the process alone.
	 */
	readonly rows?: RowSource<Row>;
	/** Aborting rolls the load back; `copy` then rejects with SQLSTATE 57014. */
	readonly signal?: AbortSignal;
	/** Whether a table that does not exist is created from the file; the statement's CREATE_TABLE option comes first. */
	readonly createTable?: boolean;
	/**
	 * Called with each refused row of a statement that goes on after errors, in the order of the input; also when the load fails in the
	 * end. What it throws does not end the load: it is thrown again outside of it, as an uncaught exception.
	 */
	readonly onReject?: (reject: Reject) => void;
	/**
	 * Called with each row that is loaded with NULL or a default in place of values that did not fit, in the order of the input, and in that order
	 * with `onReject`; also when the load fails in the end, and before it is known whether WHERE or ON CONFLICT holds the row back. What it
	 * throws is thrown again as an uncaught exception.
	 */
	readonly onReplace?: (row: ReplacedRow) => void;
	/**
	 * A file to write the refused rows to, byte for byte, below a header if the input has one: to be mended and loaded by the same
	 * statement. It is emptied when the load begins, and empty in the end if no row was refused; a load that fails or is interrupted leaves
	 * in it those refused by then. If it cannot be written, the load fails (53100 when the disk is full). It must not be the input.
	 */
	readonly rejects?: string;
	/**
	 * How many refused rows of the load are recorded at most, and how many with replaced values; by default 50,000. They are kept in memory until its end, 32 MiB at most, and
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
	/**
	 * What this statement may read beside `stdin` and `rows`: `closed` for one from somebody who is not trusted. It can only take away from what
	 * the connection allows. See docs/access.md.
	 */
	readonly access?: Access;
}
/** What an option of a statement is, and why. */
export interface ResolvedOption {
	/** In upper case. */
	readonly option: string;
	/** As it would be written. */
	readonly value: string;
	/** The statement says it, the dialect of the statement implies it, or it is so by default. */
	readonly origin: "given" | "dialect" | "default";
	/** Where the statement says it: offset of the option's name, in UTF-16 code units from 0. */
	readonly offset?: number;
}
/**
 * The options of a statement as they are, each with where it comes from: all that are given, and those that every load has.
 *
 * Throws CopyError when `statement` is a text that is no COPY … FROM statement, or EXPLAIN of one.
 */
export declare function explainOptions(statement: string | CopyFrom | Explain): readonly ResolvedOption[];
/** What reading a whole input came to, of which nothing was loaded. `rowsRead = rowsValidated + rowsFiltered + rowsRejected`. */
export interface Validation {
	/** Data rows found in the input; header lines are not rows. */
	readonly rowsRead: number;
	/** Rows with nothing wrong with them that can be seen here. */
	readonly rowsValidated: number;
	/** Rows held back by WHEN. */
	readonly rowsFiltered: number;
	/** Rows with errors, whether the statement tolerates them or not. */
	readonly rowsRejected: number;
	/** Rows of `rowsValidated` with a value that would be replaced by NULL or its column's default. */
	readonly rowsReplaced: number;
	/** Bytes that were no UTF-8 and would be replaced. */
	readonly bytesReplaced: number;
	readonly headerLines: number;
	readonly linesSkipped: number;
	/** Empty lines that were passed over, where the statement says so; they are no rows. */
	readonly blankLines: number;
	readonly bytesRead: number;
	/** Each input. */
	readonly files: readonly ReceiptFile[];
	/** What is wrong with rejected rows, the most frequent first; absent when none was. */
	readonly diagnosis?: readonly DiagnosisGroup[];
}
/** What a statement would do. What lies behind the failure, if there is one, is absent. */
export interface Explanation {
	/** As it was given, but for secrets in it. */
	readonly statement: string;
	/** Whether the whole input was read and looked at, as by EXPLAIN VALIDATE. */
	readonly validated: boolean;
	readonly target: "postgres" | "duckdb";
	/** Whose rules hold: given by DIALECT, told by a word of the statement, or PostgreSQL's since nothing says otherwise. */
	readonly dialect: Omit<StatementDialect, "found"> & {
		readonly found: StatementDialect["found"] | "default";
	};
	/** All options that are given, and those that every load has. */
	readonly options: readonly ResolvedOption[];
	/** Options that would change nothing here, and why; and which columns MAP BY NAME does not find in the input. */
	readonly notes?: readonly StatementNote[];
	readonly input?: ExplainedInput;
	/** Where the statement does not say it and the dialect looks for it: what was found. */
	readonly header?: HeaderEvidence;
	readonly table?: ExplainedTable;
	/** The columns that are loaded, in the order of the fields; then those of the table that are not; then fields that are dropped. */
	readonly columns?: readonly ExplainedColumn[];
	readonly load?: ExplainedLoad;
	/** Nothing would be loaded: a load with the same LOAD_KEY has been completed. */
	readonly alreadyLoaded?: {
		readonly id: string;
		readonly loadedAt: string;
	};
	/** What only the load itself finds out, in words. */
	readonly unchecked: readonly string[];
	/** What the rows of the input came to, where it was {@link validated}. */
	readonly validation?: Validation;
	/** What the load would fail with, as far as that can be known. Absent: nothing stands in its way. */
	readonly failure?: CopyError;
	/** Milliseconds that the explanation took. */
	readonly elapsedMs: number;
}
interface HeaderEvidence {
	readonly isHeader: boolean;
	/** Why, in words. */
	readonly reason: string;
}
/** What would be read. */
export interface ExplainedInput {
	/** The path as the statement gives it, or `STDIN`. */
	readonly name: string;
	readonly kind: "file" | "files" | "remote" | "stream";
	/** Of `files`: their paths, in the order in which they are read. */
	readonly files?: readonly string[];
	/** Absent while nobody knows. */
	readonly bytes?: number;
	/**
	 * As its first bytes tell a load, or COMPRESSION says. Absent where several files are not alike, for several objects of another machine, and for a
	 * stream of which nothing was read.
	 */
	readonly compression?: Compression | "none";
	/**
	 * How much of it this explanation has read. Of a stream that is gone; one of which nothing was read is as it was before. Types of a table
	 * that does not exist are proven by all values, MAP BY NAME asks for the header, and Parquet and Arrow files for their schema; nothing else is read without VALIDATE.
	 */
	readonly read: "nothing" | "the beginning" | "the end" | "all";
}
/** Where the rows would go. */
export interface ExplainedTable {
	/** Schema-qualified and quoted where needed. */
	readonly name: string;
	readonly exists: boolean;
	/** The CREATE TABLE that would be run. */
	readonly ddl?: string;
}
/** A column of the table, or a field that no column takes. */
export interface ExplainedColumn {
	readonly name: string;
	/** As the database prints it; absent for a field that no column takes. */
	readonly type?: string;
	readonly isLoaded: boolean;
	/** The type of its field in Arrow's words, where the input tells it: of Parquet and Arrow files. */
	readonly sourceType?: string;
	readonly from: {
		readonly kind: "field";
		readonly number: number;
		readonly name?: string;
	}
	/** fixed: from 0, in the layout's unit. */
	 | {
		readonly kind: "place";
		readonly offset: number;
		readonly length: number;
	} | {
		readonly kind: "constant";
		readonly value: string;
	} | {
		readonly kind: "sequence";
		readonly start: string;
		readonly increment: string;
	} | {
		readonly kind: "lineage";
		readonly of: LineageKind;
	}
	/** A part of the path of each file. */
	 | {
		readonly kind: "partition";
		readonly key: string;
	} | {
		readonly kind: "default" | "null" | "generated";
	};
	/** Who makes a value of the field's text in a load. VALIDATE looks at all but those that only the database reads, see `unchecked`. */
	readonly decodedBy?: "copyist" | "the database";
	/** What is done to its values, in words; TRANSFORM's expression is the last. */
	readonly conversions: readonly string[];
	/** NULL is refused. */
	readonly notNull?: true;
	/** Of a table that does not exist: why the column would have its type. */
	readonly detected?: string;
}
/** How the rows would travel. */
export interface ExplainedLoad {
	readonly transport: Receipt["transport"];
	readonly transaction: "its own" | "the caller's";
	readonly connections: number;
	/** Decoder threads. Records are cut apart by one of them at a time. */
	readonly threads: number;
	/** Bytes that a thread takes at a time, up to the end of a record. */
	readonly tileSize: number;
	/** About how many there are of them; absent where the input's size is unknown. */
	readonly tiles?: number;
	/** Bytes of the longest record that is taken. */
	readonly maxRecord: number;
	readonly errors: Pick<ErrorPolicy, "conversion" | "structure" | "constraint"> & {
		/** Beyond which the load fails, in words. */
		readonly limit?: string;
		/** What becomes of rows that only the database refuses, in words. */
		readonly judgedBy: string;
	};
	readonly onConflict?: {
		readonly action: "skip" | "update" | "reject" | "error";
		readonly keep: "first" | "last";
		/** The columns of the key; absent: any unique constraint. */
		readonly keys?: readonly string[];
	};
}
/** What {@link Ledger.purge} removed. */
export interface Purged {
	readonly loads: number;
	readonly files: number;
	readonly rejects: number;
	/** Values that had been replaced. */
	readonly replaced: number;
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
	 * Rejects with {@link CopyError}; then nothing was loaded. `Row` is the type of the rows in `rows`, if there are any: with it, values
	 * that no column takes, such as symbols, are errors of the compiler.
	 */
	copy<Row extends object & RowOf<Row> = AnyRow>(statement: string, options?: CopyCallOptions<Row>): Promise<Receipt>;
	/**
	 * Says what a COPY statement would do: which options hold and why, where each column's values come from, how the rows would travel, and
	 * what the load would fail with. Nothing is written to the database: on a server that is a transaction that may only read.
	 *
	 * The statement may begin with EXPLAIN. With EXPLAIN VALIDATE, or the option VALIDATE_ONLY, the whole input is read, and every row with an
	 * error is counted and handed to `onReject` and `rejects`, as if the load went on after all errors; `failure` is still the load's. A stream
	 * that need not be read is left as it is, and need not be given.
	 *
	 * Rejects with {@link CopyError} when the statement cannot be parsed, the database cannot be reached, or the call is aborted; all else that
	 * a load would reject with is the explanation's `failure`.
	 */
	explain(statement: string, options?: CopyCallOptions): Promise<Explanation>;
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
	/**
	 * What statements may read: by default (`open`) whatever this process may; `closed`, what the program hands over, as `stdin` or `rows`; or
	 * rules, of which those that are left out allow nothing. It is about the input of statements, not about `rejects` and other paths that the
	 * program gives itself. docs/access.md says what is promised.
	 */
	readonly access?: Access;
	/**
	 * How object stores are reached, by the names that statements have for it: `AWS CONNECTION = name`, `CREDENTIALS 'name'`. Without one the standard AWS
	 * chain is asked. No secret of a connection is shown by anything.
	 */
	readonly connections?: Readonly<Record<string, StoreConnection>>;
	/** The path of a JSON file with more connections: `{ "connections": { "name": { … } } }`. Those above come first. */
	readonly config?: string;
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
/** As much of a record batch of `apache-arrow` as every version has; name its own type where you want all of it. */
export interface ArrowBatch {
	readonly numRows: number;
	readonly numCols: number;
	readonly schema: unknown;
	getChild(name: string): unknown;
}
/** The same of a table. */
export interface ArrowTable extends ArrowBatch {
	readonly batches: readonly unknown[];
}
/** What a value of a row is; see {@link ReadColumn.values} for which type has which. */
export type ReadValue = boolean | number | bigint | string | Date | Uint8Array | readonly ReadValue[] | null;
/** The values of a column, by row. */
export type ReadValues = Uint8Array | Int16Array | Int32Array | BigInt64Array | Float32Array | Float64Array | (string | null)[] | (Uint8Array | null)[] | (Date | number | null)[] | (readonly ReadValue[] | null)[];
/** A column of rows that were read. */
export interface ReadColumn {
	readonly name: string;
	/** Its type as PostgreSQL prints it: `integer`, `numeric(10,2)`, `timestamp without time zone`, `text[]`. */
	readonly type: string;
	/** Rows. */
	readonly length: number;
	/**
	 * - `boolean`: a Uint8Array of 0 and 1
	 * - `smallint`, `integer`: Int16Array, Int32Array; `bigint`: BigInt64Array, or Float64Array with `int64: 'number'`
	 * - `real`, `double precision`: Float32Array, Float64Array
	 * - `timestamp(9)` with a time zone or without: a BigInt64Array of nanoseconds since 1970, in UTC
	 * - `date`, `timestamp` with a time zone or without: a Float64Array of milliseconds since 1970 in UTC, whose fraction are the microseconds,
	 *   infinite where the value is; with `dates: 'date'` an array of Date, in which what no Date can hold is that number
	 * - `bytea`: an array of Uint8Array
	 * - lists: an array of arrays
	 * - all others: an array of strings, `numeric`, `time`, `interval`, `uuid` and `json` among them
	 *
	 * Where the value is NULL, an array that is not typed has null, and a typed one 0.
	 */
	readonly values: ReadValues;
	/** Bits of rows that are not NULL: row r is bit `r % 8` of byte `r >> 3`. Absent: none is NULL. */
	readonly validity?: Uint8Array;
}
/** What a call of {@link read} may set beside the statement. */
export interface ReadOptions extends InputOptions {
	/**
	 * The columns and their types, in PostgreSQL's words, in place of those that are found by reading the whole input first:
	 * `{ id: 'int', price: 'numeric(10, 2)', day: 'date' }`. Of CSV and the like they are the fields in their order, or by the header
	 * with MAP BY NAME; of Parquet and Arrow those columns, by their names, and no others. Their lists are `int[]`, as they are there.
	 */
	readonly columns?: Readonly<Record<string, string>>;
	/**
	 * Whether `bigint` is a bigint, or a number: then one beyond 2^53 is an error (22003), which ends the reading whatever ON_ERROR says, since it
	 * is not the input's.
	 */
	readonly int64?: "bigint" | "number";
	/**
	 * Whether dates and timestamps are objects of Date, or numbers: milliseconds since 1970 in UTC, with the microseconds behind the point. By
	 * default they are Dates in rows, and numbers in columns. What no Date can hold, infinity included, is a number in either.
	 */
	readonly dates?: "date" | "number";
	/** Aborting ends the reading; it then fails with SQLSTATE 57014. */
	readonly signal?: AbortSignal;
	/** Called with each refused row of a statement that goes on after errors, in the order of the input. */
	readonly onReject?: (reject: Reject) => void;
	/** Called with each row that has NULL in place of values that did not fit. */
	readonly onReplace?: (row: ReplacedRow) => void;
	/** A file to write the refused rows to, byte for byte, as for a load. */
	readonly rejects?: string;
	/** What this statement may read beside `stdin`; see docs/access.md. */
	readonly access?: Access;
	/** Stores that the statement may name (`AWS CONNECTION = name`, `CREDENTIALS 'name'`), by these names, as for {@link connect}. */
	readonly connections?: Readonly<Record<string, StoreConnection>>;
}
/** One input of a reading. `rows = rowsReturned + rowsFiltered + rowsRejected`. */
export interface ReadFile extends Omit<ReceiptFile, "rowsLoaded" | "rowsConflicted"> {
	/** Rows that were handed out. */
	readonly rowsReturned: number;
}
/** What a reading came to, once all rows have been handed out. It balances: `rowsRead = rowsReturned + rowsFiltered + rowsRejected`. */
export interface ReadReceipt extends Omit<ReceiptCounts, "rowsLoaded" | "rowsConflicted"> {
	/** The statement as it was given. */
	readonly statement: string;
	/** Whose rules it followed. Absent: PostgreSQL's, since nothing said otherwise. */
	readonly dialect?: StatementDialect;
	/** Options of the statement that changed nothing, and why. Absent: none. */
	readonly notes?: readonly StatementNote[];
	/** The columns, with their types as PostgreSQL prints them. */
	readonly columns: readonly {
		readonly name: string;
		readonly type: string;
	}[];
	/** What the input was in, if it was not UTF-8. */
	readonly encoding?: string;
	/** Data rows found in the input; header lines are not rows. */
	readonly rowsRead: number;
	/** Rows that were handed out. */
	readonly rowsReturned: number;
	/** Bytes that were no UTF-8 and were replaced, where the statement says by what. */
	readonly bytesReplaced: number;
	/** Whether the first line was found to be a header, where the statement leaves that open. */
	readonly headerDetected?: boolean;
	/** Bytes of input read. */
	readonly bytesRead: number;
	/** Wall time from the beginning to the last row, the caller's included, in milliseconds. */
	readonly elapsedMs: number;
	/** The inputs in their order. */
	readonly files: readonly ReadFile[];
	/** What was wrong with refused rows, the most frequent first; absent when none was. */
	readonly diagnosis?: readonly DiagnosisGroup[];
	/** The same of values that did not fit and were replaced. */
	readonly replaced?: readonly DiagnosisGroup[];
	/** Decoder threads used. */
	readonly threads: number;
	/** The instruction set that scanned the input. */
	readonly instructionSet: string;
}
/**
 * Rows of an input, in one of several forms: one of these methods is called, once. Nothing is read before that.
 *
 * Iterations read ahead by a bounded number of batches, and wait for whoever takes them. Leaving one early (`break`, `return`, an error)
 * stops all threads and closes file or stream. Errors are those of a load: {@link CopyError} with SQLSTATE, line and column; all rows before
 * the one in error are handed out first.
 */
export declare class Reading {
	#private;
	/** What the reading came to: when all rows have been handed out; undefined before, and where it was left early or failed. */
	get receipt(): ReadReceipt | undefined;
	/** The rows as plain objects, with the columns' names as keys; see {@link ReadColumn.values} for what values are, booleans and null besides. */
	rows<Row = Record<string, ReadValue>>(): AsyncIterableIterator<Row>;
	/** All rows by their columns. */
	columns(): Promise<ReadColumn[]>;
	/** The rows by their columns, some thousand at a time. The arrays are the caller's. */
	columnBatches(): AsyncIterableIterator<ReadColumn[]>;
	/**
	 * The rows as record batches of the package `apache-arrow`, which has to be installed. Say which type that is, since this package does
	 * without it: `batches<RecordBatch>()`.
	 */
	batches<Batch = ArrowBatch>(): AsyncIterableIterator<Batch>;
	/** All rows as a table of the package `apache-arrow`: `table<Table>()`. */
	table<Table = ArrowTable>(): Promise<Table>;
	/**
	 * The rows as the bytes of an Arrow IPC stream: its schema, a message for each batch, its end. Every library of Arrow reads it, and a
	 * worker can be given them by `transfer`.
	 */
	ipc(): AsyncIterableIterator<Uint8Array>;
}
/**
 * Reads rows for the program, without a target: `COPY [ ( columns ) ] FROM { 'file' | STDIN } [ WITH ( options ) ]`, with the formats,
 * sources, options and error policies of a load.
 *
 * ```ts
 * for await (const row of read("COPY FROM 'orders.csv' (FORMAT csv, HEADER)").rows()) …
 * const columns = await read("COPY FROM 'flights.parquet' (FORMAT parquet)").columns()
 * ```
 *
 * Without `columns` the types are those that all values of the input prove, for which it is read twice, a stream from memory or a temporary
 * file; Parquet and Arrow files tell theirs.
 */
export declare function read(statement: string, options?: ReadOptions): Reading;
declare const sqlStates: {
	readonly syntax_error: "42601";
	readonly invalid_parameter_value: "22023";
	readonly feature_not_supported: "0A000";
	readonly character_not_in_repertoire: "22021";
	readonly invalid_escape_sequence: "22025";
	readonly invalid_text_representation: "22P02";
	readonly numeric_value_out_of_range: "22003";
	readonly undefined_column: "42703";
	readonly name_too_long: "42622";
	readonly ambiguous_column: "42702";
	readonly duplicate_column: "42701";
	readonly invalid_column_reference: "42P10";
	readonly insufficient_privilege: "42501";
	readonly undefined_object: "42704";
	readonly invalid_authorization_specification: "28000";
};
type StatementCondition = keyof typeof sqlStates;
declare class OptionReader {
	#private;
	readonly item: OptionItem;
	/** Whose rules the statement follows, where that is known. */
	readonly dialect: Dialect | undefined;
	constructor(text: string, item: OptionItem, dialect?: Dialect);
	/** The option as the statement has it, in upper case. */
	get word(): string;
	/** An error at the option's name, where PostgreSQL puts it, or at its value, when PostgreSQL names no place. */
	error(at: "name" | "value", condition: StatementCondition, message: string, hint?: string): Error;
	/** The argument as text; a number in its canonical spelling, a list joined by dots, `*` as itself. */
	string(): string;
	/** A pattern of dates, or several in parentheses. */
	patterns(): DatePattern;
	/** true when nothing follows the name. */
	boolean(): boolean;
	/** true when nothing follows the name. `requirement` is what the message says besides "a Boolean value". */
	booleanOr<Word extends string>(words: readonly Word[], requirement: string): boolean | Word;
	/** true when nothing follows the name; a number: so many lines (PostgreSQL 19). */
	booleanOrMatch(): boolean | "match" | number;
	/** A list of column names in parentheses, or `*`. */
	columns(): "*" | readonly Name[];
	/** What the option's own grammar has read. */
	clause<Kind extends Clause["kind"]>(kind: Kind): Extract<Clause, {
		kind: Kind;
	}>;
	/** Strings in brackets. */
	array(): readonly string[];
	/** A number of at most 64 bits greater than zero. */
	positiveBigint(label: string): bigint;
	/** A number of at most 64 bits. */
	bigint(): bigint;
}
interface BareForm {
	/** The words it begins with. */
	readonly words: readonly string[];
	/**
	 * What follows: nothing, a string, column names separated by commas or `*`, or what may follow between parentheses: `value`
	 * when it must, `optional` when it may. Before the latter two an equals sign may stand. `clause`: what the option's own grammar reads.
	 */
	readonly takes: "nothing" | "string" | "columns" | "value" | "optional" | "clause";
	/** AS may stand before what follows. */
	readonly as?: true;
	/** The value it stands for when nothing follows; true when absent. */
	readonly value?: string;
	/** The words that an `optional` value may be; any other word begins the next option. Strings and numbers always may. */
	readonly values?: readonly string[];
	/** It is written so between parentheses, too. */
	readonly inParentheses?: true;
	/** It may also stand before WITH and a list in parentheses. */
	readonly beforeWith?: true;
	/** The system whose words these are. */
	readonly of?: Evidence;
}
interface OptionDefinition<Value> {
	/** How the option is written after its name in the documentation. */
	readonly synopsis: string;
	/** One sentence. */
	readonly summary: string;
	/** What holds when it is not given, by format; absent where leaving it out has a meaning of its own. */
	readonly default?: {
		readonly text?: Value;
		readonly csv?: Value | {
			readonly sameAs: OptionKey;
		};
	};
	/** How the documentation spells the default where `default` does not say it. */
	readonly defaultNote?: string;
	/** The formats it applies to. */
	readonly formats: readonly ("csv" | "text" | "fixed" | "binary" | "parquet" | "arrow")[];
	readonly bare: readonly BareForm[];
	/** Names that other systems, or earlier habits, have for it. */
	readonly otherNames: readonly string[];
	/** Reads and checks the value by itself. Throws CopyError. */
	readonly read: (reader: OptionReader) => Value;
	/** Known only to be refused with a reason: PostgreSQL has it, this version does not. */
	readonly unsupported?: true;
	/** What follows it where that is a grammar of its own. */
	readonly clause?: Clause["kind"] | "names";
	/** The system whose word its name is. */
	readonly of?: Evidence;
	/** Other systems' spellings of it that have no entry in `bare`, since they are read apart, and what they tell. */
	readonly alsoWritten?: readonly (readonly [
		spelling: string,
		of: Evidence
	])[];
	/** The systems that have it, under this name or another. Empty: copyist's own. What tells nothing of its system is taken in every dialect. */
	readonly dialects?: readonly Dialect[];
	/** As it stands between parentheses. */
	readonly example?: string;
	/** What can be wrong with it: SQLSTATE and reason. */
	readonly errors?: readonly (readonly [
		sqlState: string,
		reason: string
	])[];
	/** For what PostgreSQL accepts and this version does not: why a value is refused and what works; undefined to take it. */
	refuse?(value: Value): Refusal | undefined;
}
interface Refusal {
	readonly message: string;
	readonly hint: string;
}
type GaussdbKey = "formatter" | "eol" | "useeof" | "noescaping" | "fileheader" | "oids" | "smalldatetime_format" | "transform" | "when" | "sequence" | "filler" | "constant";
type GeneralKey = "dialect" | "compression" | "map by name" | "lineage" | "hive_partitioning" | "unit" | "date_format" | "time_format" | "timestamp_format";
type MaterializeKey = "aws connection" | "files" | "pattern";
type QuestdbKey = "timestamp" | "partition by";
type RedshiftKey = "fixedwidth" | "backslash_escape" | "skip_blank_lines" | "blanks_as_null" | "empty_as_null" | "trim_blanks" | "remove_quotes" | "accept_any_date" | "roundec" | "explicit_ids" | "validate_only" | "statupdate" | "compupdate" | "comprows" | "iam_role" | "credentials" | "access_key_id" | "secret_access_key" | "session_token" | "region" | "manifest" | "gzip" | "bzip2" | "lzop" | "zstd";
type OnError = "stop" | "ignore" | "skip_row" | "set_null" | "set_default";
type Limit = Omit<NonNullable<ErrorPolicy["limit"]>, "name">;
declare const optionTable: {
	readonly "aws connection": OptionDefinition<string>;
	readonly files: OptionDefinition<readonly string[]>;
	readonly pattern: OptionDefinition<string>;
	readonly fixedwidth: OptionDefinition<readonly FixedField[]>;
	readonly backslash_escape: OptionDefinition<boolean>;
	readonly skip_blank_lines: OptionDefinition<boolean>;
	readonly blanks_as_null: OptionDefinition<boolean>;
	readonly empty_as_null: OptionDefinition<boolean>;
	readonly trim_blanks: OptionDefinition<boolean>;
	readonly remove_quotes: {
		readonly formats: readonly [
			"text"
		];
		readonly synopsis: string;
		readonly summary: string;
		readonly default?: {
			readonly text?: boolean;
			readonly csv?: boolean | {
				readonly sameAs: OptionKey;
			};
		};
		readonly defaultNote?: string;
		readonly bare: readonly BareForm[];
		readonly otherNames: readonly string[];
		readonly read: (reader: OptionReader) => boolean;
		readonly unsupported?: true;
		readonly clause?: Clause["kind"] | "names";
		readonly of?: Evidence;
		readonly alsoWritten?: readonly (readonly [
			spelling: string,
			of: Evidence
		])[];
		readonly dialects?: readonly Dialect[];
		readonly example?: string;
		readonly errors?: readonly (readonly [
			sqlState: string,
			reason: string
		])[];
		readonly refuse?: (value: boolean) => Refusal | undefined;
	};
	readonly accept_any_date: OptionDefinition<boolean>;
	readonly roundec: OptionDefinition<boolean>;
	readonly explicit_ids: OptionDefinition<boolean>;
	readonly validate_only: OptionDefinition<boolean>;
	readonly statupdate: OptionDefinition<boolean>;
	readonly compupdate: OptionDefinition<boolean | "preset">;
	readonly comprows: OptionDefinition<bigint>;
	readonly iam_role: OptionDefinition<string>;
	readonly credentials: OptionDefinition<true | Secret>;
	readonly access_key_id: OptionDefinition<true>;
	readonly secret_access_key: OptionDefinition<true>;
	readonly session_token: OptionDefinition<true>;
	readonly region: OptionDefinition<string>;
	readonly manifest: OptionDefinition<boolean>;
	readonly gzip: OptionDefinition<boolean>;
	readonly bzip2: OptionDefinition<boolean>;
	readonly lzop: OptionDefinition<boolean>;
	readonly zstd: OptionDefinition<boolean>;
	readonly timestamp: OptionDefinition<Name>;
	readonly "partition by": OptionDefinition<"none" | "year" | "month" | "week" | "day" | "hour">;
	readonly formatter: OptionDefinition<readonly FixedField[]>;
	readonly eol: OptionDefinition<string>;
	readonly useeof: OptionDefinition<boolean>;
	readonly noescaping: OptionDefinition<boolean>;
	readonly fileheader: OptionDefinition<string>;
	readonly oids: OptionDefinition<boolean>;
	readonly smalldatetime_format: OptionDefinition<DatePattern>;
	readonly transform: OptionDefinition<readonly Transform[]>;
	readonly when: OptionDefinition<When>;
	readonly sequence: OptionDefinition<readonly Sequence[]>;
	readonly filler: OptionDefinition<readonly Name[]>;
	readonly constant: OptionDefinition<readonly Constant[]>;
	readonly dialect: OptionDefinition<Dialect>;
	readonly compression: OptionDefinition<"auto" | Compression | "none">;
	readonly "map by name": OptionDefinition<boolean>;
	readonly lineage: OptionDefinition<readonly Lineage[]>;
	readonly hive_partitioning: OptionDefinition<boolean>;
	readonly unit: OptionDefinition<"bytes" | "chars">;
	readonly date_format: OptionDefinition<DatePattern>;
	readonly time_format: OptionDefinition<DatePattern>;
	readonly timestamp_format: OptionDefinition<DatePattern>;
	readonly format: OptionDefinition<"csv" | "text" | "fixed" | "binary" | "parquet" | "arrow" | "json" | "orc" | "avro">;
	readonly delimiter: OptionDefinition<string>;
	readonly null: OptionDefinition<string>;
	readonly default: OptionDefinition<string>;
	readonly header: OptionDefinition<number | boolean | "match">;
	readonly skip: OptionDefinition<number>;
	readonly quote: OptionDefinition<string>;
	readonly escape: OptionDefinition<string>;
	readonly force_not_null: OptionDefinition<readonly Name[] | "*">;
	readonly force_null: OptionDefinition<readonly Name[] | "*">;
	readonly encoding: OptionDefinition<string>;
	readonly decimal_separator: OptionDefinition<"," | ".">;
	readonly on_error: OptionDefinition<OnError>;
	readonly reject_limit: OptionDefinition<Limit>;
	readonly log_verbosity: OptionDefinition<"silent" | "default" | "verbose">;
	readonly "log errors": OptionDefinition<boolean>;
	readonly "reject limit": OptionDefinition<number | "unlimited">;
	readonly maxerror: OptionDefinition<number>;
	readonly ignoreallerrors: OptionDefinition<boolean>;
	readonly reject_bytes: OptionDefinition<number>;
	readonly ignore_extra_data: OptionDefinition<boolean>;
	readonly fill_missing_fields: OptionDefinition<false | "one" | "multi">;
	readonly fillrecord: OptionDefinition<boolean>;
	readonly replace_invalid_chars: OptionDefinition<string | false>;
	readonly compatible_illegal_chars: OptionDefinition<boolean>;
	readonly truncate_columns: OptionDefinition<boolean>;
	readonly load_key: OptionDefinition<string>;
	readonly create_table: OptionDefinition<boolean>;
	readonly freeze: OptionDefinition<boolean>;
	readonly force_quote: OptionDefinition<readonly Name[] | "*">;
};
type OptionKey = "format" | "delimiter" | "null" | "default" | "header" | "skip" | "quote" | "escape" | "force_not_null" | "force_null" | "encoding" | "decimal_separator" | "on_error" | "reject_limit" | "log_verbosity" | "log errors" | "reject limit" | "maxerror" | "ignoreallerrors" | "reject_bytes" | "ignore_extra_data" | "fill_missing_fields" | "fillrecord" | "replace_invalid_chars" | "compatible_illegal_chars" | "truncate_columns" | "load_key" | "create_table" | "freeze" | "force_quote" | GeneralKey | GaussdbKey | QuestdbKey | RedshiftKey | MaterializeKey;
type OptionValue<Key extends OptionKey> = ReturnType<(typeof optionTable)[Key]["read"]>;
type Property<Word extends string> = Word extends "reject limit" ? "logErrorsLimit" : Word extends `${infer First}_${infer Rest}` ? `${First}${Capitalize<Property<Rest>>}` : Word extends `${infer First} ${infer Rest}` ? `${First}${Capitalize<Property<Rest>>}` : Word;
type Plain<Value> = Value extends Name ? string : Value extends SqlText ? string : Value extends Limit ? number | `${number}%` : Value extends bigint ? number | bigint : Value extends readonly (infer Item)[] ? readonly Plain<Item>[] : Value extends object ? {
	readonly [Key in keyof Value]: Plain<Value[Key]>;
} : Value;
interface Written {
	readonly format: CopyOptions["format"];
	readonly encoding: string;
	/** The name of a connection. */
	readonly credentials: string;
	/** `label:width,…` */
	readonly fixedwidth: string;
	/** Without an increment by 1. */
	readonly sequence: readonly {
		readonly column: string;
		readonly start: number | bigint;
		readonly increment?: number | bigint;
	}[];
	readonly access_key_id: string;
	readonly secret_access_key: string;
	readonly session_token: string;
}
type OptionProperties = {
	readonly [Key in OptionKey as Property<Key>]?: Key extends keyof Written ? Written[Key] : Plain<OptionValue<Key>>;
};
/** A load as an object. The options have the names of the statement's, with capitals in place of underscores and blanks. */
export interface CopyObject extends OptionProperties {
	/** The exact name, as the database has it; a string is the table's alone. */
	readonly table: string | {
		readonly catalog?: string;
		readonly schema?: string;
		readonly name: string;
	};
	/** The path of a file, or the stream that `copy` is called with. */
	readonly from: string | {
		readonly stdin: true;
	};
	/** Exact names. */
	readonly columns?: readonly string[];
	/** A condition in SQL. */
	readonly where?: string;
	readonly onConflict?: {
		readonly columns?: readonly string[];
		readonly action: ConflictPolicy["action"];
		readonly keep?: ConflictPolicy["keep"];
	};
}
/**
 * The statement that the object describes, parsed and checked: `text` is what `db.copy` takes. `text`, `source.path` and `options.remote.files` have
 * their URLs whole, signatures and passwords included; `JSON.stringify` and `inspect` hide these in the statement, not in copies and parts of it.
 *
 * Throws CopyError as a statement's parser does, with its place in the statement that was written; 22023 for a property that is none.
 */
export declare function copyFrom(object: CopyObject): CopyFrom;
/** What became of one option. */
export interface TranslationNote {
	/** In upper case, by copyist's name; a clause by its first word. */
	readonly option: string;
	/** It says the same; it says nearly the same, and the reason tells what not; or it cannot be said and is left out. */
	readonly kind: "mapped" | "approximated" | "refused";
	readonly reason: string;
}
/** A load in another system's words. */
export interface Translation {
	/** What was refused is not in it. */
	readonly statement: string;
	/** What became of each option, in the order of the documentation. */
	readonly notes: readonly TranslationNote[];
}
/**
 * The same load in the words of another system: each option is mapped to one that says the same, approximated, or refused and left out.
 *
 * Throws CopyError when `statement` is no COPY … FROM statement that could be parsed, and 22023 for what is no dialect.
 */
export declare function translate(statement: string | CopyFrom, dialect: Dialect): Translation;

export {};
