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
  quoted: [
    { name: 'id', type: 'bigint', aggregate: 'sum' },
    { name: 'name', type: 'text', aggregate: 'bytes' },
    { name: 'amount', type: 'float8', aggregate: 'cents' },
    { name: 'place', type: 'text', aggregate: 'bytes' },
    { name: 'count', type: 'int4', aggregate: 'sum' },
    { name: 'comment', type: 'text', aggregate: 'bytes' },
  ],
}

/** The SQL types of a schema as a column list for CREATE TABLE. */
export function columnDefinitions(columns) {
  return columns.map(({ name, type }) => `"${name}" ${type}`).join(', ')
}
