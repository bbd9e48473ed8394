/**
 * PostgreSQL 18's keywords that cannot be a name without double quotes, by what they can still be.
 * A label (an option's name, the part of a name after a dot) may be any word.
 */

/** Words that are neither a name nor an option's value. */
const reserved = words(`
  all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
  current_catalog current_date current_role current_time current_timestamp current_user default deferrable desc
  distinct do else end except false fetch for foreign from grant group having in initially intersect into lateral
  leading limit localtime localtimestamp not null offset on only or order placing primary references returning select
  session_user some symmetric system_user table then to trailing true union unique user using variadic when where
  window with`)

/** Words that may name a type or a function, and be an option's value, but not name a table or a column. */
const typeOrFunctionName = words(`
  authorization binary collation concurrently cross current_schema freeze full ilike inner is isnull join left like
  natural notnull outer overlaps right similar tablesample verbose`)

function words(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\s+/))
}

/** Whether an unquoted word (in lower case) can name a table or a column. */
export function canBeName(word: string): boolean {
  return !reserved.has(word) && !typeOrFunctionName.has(word)
}

/** Whether an unquoted word (in lower case) can be the value of an option. */
export function canBeValue(word: string): boolean {
  return !reserved.has(word) || word === 'true' || word === 'false' || word === 'on' || word === 'default'
}

/** Whether an unquoted word (in lower case) can be an element of a list that is the value of an option. */
export function canBeListItem(word: string): boolean {
  return canBeValue(word) && word !== 'default'
}
