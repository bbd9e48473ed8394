export type { AwsCredentialProvider, AwsCredentials } from './access/aws.ts'
export type { BearerTokenProvider, SecretSource, StoreConnection } from './access/connections.ts'
export type { Access, AccessRules } from './access/policy.ts'
export { type ConnectOptions, type ConnectTarget, connect, type LedgerOptions } from './connect.ts'
export type { CopyCallOptions, InputOptions } from './copy-call.ts'
export { Database } from './database.ts'
export type { DiagnosisCure, DiagnosisGroup, DiagnosisSample } from './diagnosis.ts'
export { CopyError, type CopyErrorInit, type CopyPosition } from './errors.ts'
export type {
  ExplainedColumn,
  ExplainedInput,
  ExplainedLoad,
  ExplainedTable,
  Explanation,
} from './explanation.ts'
export type { PurgeOptions, RejectsOptions } from './history.ts'
export type { Purged } from './ledger/records.ts'
export type { ByteSource } from './native/pump.ts'
export type { ArrowBatch, ArrowTable } from './read/arrow.ts'
export type { ReadColumn, ReadValue, ReadValues } from './read/columns.ts'
export type { ReadOptions } from './read/options.ts'
export { type Reading, read } from './read/read.ts'
export type { ReadFile, ReadReceipt } from './read/receipt.ts'
export type { Progress, Receipt, ReceiptCounts, ReceiptFile } from './receipt.ts'
export type { InputRecord, Reject, RejectError, ReplacedRow, ReplacedValue } from './rejects.ts'
export type { LedgerRetention } from './retention.ts'
export type { AnyRow, RowOf, RowSource, RowValue } from './row-source.ts'
export type { CopyFrom, Dialect, Explain, StatementDialect, StatementNote } from './statement/ast.ts'
export { type CopyObject, copyFrom } from './statement/copy-object.ts'
export { explainOptions, type ResolvedOption } from './statement/explain.ts'
export type { TranslationNote } from './statement/translation/spelling.ts'
export { type Translation, translate } from './statement/translation/translate.ts'
export type { Validation } from './validation.ts'
