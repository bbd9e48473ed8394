/**
 * The columns of each kind of file. `aggregate` is what its column contributes to the checksum:
 * sum: of the integers; cents: of the numbers times 100, rounded; micros: of the microseconds since 2020-01-01;
 * trues: how many are true; bytes: of the lengths in bytes. NULL contributes nothing and is counted apart.
 */
export const SCHEMAS = {
  weather: [
    { name: 'id', type: 'bigint', aggregate: 'sum' },
    { name: 'ts', type: 'timestamp', aggregate: 'micros' },
    { name: 'station', type: 'text', aggregate: 'bytes' },
    { name: 'temperature', type: 'float8', aggregate: 'cents' },
    { name: 'humidity', type: 'int4', aggregate: 'sum' },
    { name: 'flag', type: 'bool', aggregate: 'trues' },
    { name: 'note', type: 'text', aggregate: 'bytes' },
  ],
  numeric: [
    { name: 'a', type: 'bigint', aggregate: 'sum' },
    { name: 'b', type: 'int4', aggregate: 'sum' },
    { name: 'c', type: 'float8', aggregate: 'cents' },
    { name: 'd', type: 'float8', aggregate: 'cents' },
    { name: 'e', type: 'int4', aggregate: 'sum' },
    { name: 'f', type: 'bigint', aggregate: 'sum' },
  ],
  // In lines without delimiters and without a header; the first byte has offset 0.
  fixed: [
    { name: 'id', type: 'bigint', aggregate: 'sum', offset: 0, length: 10 },
    { name: 'ts', type: 'timestamp', aggregate: 'micros', offset: 10, length: 26 },
    { name: 'station', type: 'text', aggregate: 'bytes', offset: 37, length: 8 },
    { name: 'temperature', type: 'float8', aggregate: 'cents', offset: 45, length: 8 },
    { name: 'humidity', type: 'int4', aggregate: 'sum', offset: 53, length: 4 },
    { name: 'flag', type: 'bool', aggregate: 'trues', offset: 57, length: 1 },
    { name: 'note', type: 'text', aggregate: 'bytes', offset: 58, length: 40 },
  ],
  quoted: [
    { name: 'id', type: 'bigint', aggregate: 'sum' },
    { name: 'name', type: 'text', aggregate: 'bytes' },
    { name: 'amount', type: 'float8', aggregate: 'cents' },
    { name: 'place', type: 'text', aggregate: 'bytes' },
    { name: 'count', type: 'int4', aggregate: 'sum' },
    { name: 'comment', type: 'text', aggregate: 'bytes' },
  ],
  flights: [
    { name: 'date', type: 'timestamp', aggregate: 'micros' },
    { name: 'delay', type: 'bigint', aggregate: 'sum' },
    { name: 'distance', type: 'bigint', aggregate: 'sum' },
    { name: 'origin', type: 'text', aggregate: 'bytes' },
    { name: 'destination', type: 'text', aggregate: 'bytes' },
  ],
}

/** The SQL types of a schema as a column list for CREATE TABLE. */
export function columnDefinitions(columns) {
  return columns.map(({ name, type }) => `"${name}" ${type}`).join(', ')
}
