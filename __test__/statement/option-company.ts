/** What else a statement needs with these options. */
export const company: Readonly<Record<string, string>> = {
  default: 'FORMAT text',
  reject_limit: 'ON_ERROR ignore',
  'reject limit': 'LOG ERRORS',
  unit: 'FORMATTER (id (0, 8))',
  'partition by': "TIMESTAMP 'ts', FORMAT csv",
  formatter: 'HEADER',
  fixedwidth: 'HEADER',
}
