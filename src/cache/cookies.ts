// Cookies that a content delivery network sets on every answer to tell browsers from robots. They say nothing of a user,
// but they stand on public market data too, so a cache that took them for a session would never hold anything.

/** Cloudflare's own: "Cloudflare cookies" in its Fundamentals documentation. Both exchanges are behind it. */
const EDGE_COOKIES = new Set(['__cf_bm', '__cflb', '_cfuvid', '__cfruid'])

/** True when a `Cookie` field holds nothing of the exchange's own. */
export const onlyEdgeCookies = (cookie: string): boolean => cookie.split(';').every(isEdge)

/** True when a `Set-Cookie` field is the network's, not the exchange's. */
export const isEdgeCookie = (setCookie: string): boolean => isEdge(setCookie)

const isEdge = (cookie: string): boolean => EDGE_COOKIES.has(cookie.slice(0, cookie.indexOf('=')).trim())
