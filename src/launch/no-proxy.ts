// Which entries of somebody's NO_PROXY may stay: all but those that would lead an exchange past weir. Pure.

/** Where bots talk to their own databases and pages. */
const HERE = ['localhost', '127.0.0.1', '::1']

/**
 * The list for NO_PROXY: this machine, and what `lists` hold (separated by commas or blanks) less every entry that some
 * client would read as one of `hosts`.
 */
export const noProxy = (lists: readonly (string | undefined)[], hosts: readonly string[]): string => {
  const entries = lists.flatMap((list) => list?.split(/[\s,]+/) ?? []).filter((entry) => entry !== '')
  const kept = entries.filter((entry) => !hosts.some((host) => covers(entry, host)))
  return [...new Set([...HERE, ...kept])].join(',')
}

/**
 * Clients differ: a name may stand for its sub-domains or not, with a dot before it, a star, a port behind it; requests
 * compares the ends of the names without looking for the dot. What any of them would match is a match.
 */
export const covers = (entry: string, host: string): boolean => {
  const name = entry
    .toLowerCase()
    .replace(/^\w+:\/\//, '')
    .replace(/:\d+$/, '')
    .replace(/^\.+|\.$/g, '')
  const pattern = name.split('*').map(escaped).join('.*')
  return new RegExp(`${pattern}$`).test(host)
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
