// What a bot's environment must say so that its calls to exchanges go through weir and trust it: one table, a reason in
// every row. Pure; the files that it names are made by files.ts and java.ts.
//
// Not here on purpose: ALL_PROXY (few read it, and those expect SOCKS), SSL_CERT_DIR, base URLs (they break Coinbase's
// signatures), and everything that weakens verification.

import { noProxy } from './no-proxy.ts'

/** A user's environment. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Paths that the variables lead to. */
export interface LaunchFiles {
  /** weir's root alone. */
  readonly ca: string
  /** weir's root, and those that the user had added to Node. */
  readonly nodeCa: string
  /** Complete sets of roots, one per variable that replaces what a client trusts. */
  readonly bundles: Readonly<Record<BundleVariable, string>>
  /** Folder of the ini file that tells PHP. */
  readonly phpIni: string
  /** What tells wget; undefined where the user has a wgetrc. */
  readonly wgetrc: string | undefined
  /** Trust store for Java; undefined when Java is not asked for, or there is none. */
  readonly javaStore: string | undefined
}

/** Variables that name a file of roots which replaces a client's own. */
export type BundleVariable = 'SSL_CERT_FILE' | 'REQUESTS_CA_BUNDLE' | 'CURL_CA_BUNDLE'

/** Everything that the table depends on. */
export interface Launch {
  /** `127.0.0.1:8080` */
  readonly proxy: string
  /** How the bot is called in weir's metrics and fair queues. */
  readonly name: string | undefined
  /** The hosts that weir intercepts. */
  readonly hosts: readonly string[]
  readonly env: Environment
  readonly files: LaunchFiles
  /** Node's preload and the folder of Python's sitecustomize; undefined = `--no-hooks`. */
  readonly hooks: { readonly node: string; readonly python: string } | undefined
  readonly java: boolean
}

/** One row. */
export interface Variable {
  readonly name: string
  readonly value: string
  readonly reason: string
}

/** The variables to set; they replace what the user had, which is merged into them where it must be kept. */
export const variables = (launch: Launch): readonly Variable[] => [
  ...proxyRows(launch),
  ...trustRows(launch),
  ...(launch.hooks === undefined ? [] : hookRows(launch, launch.hooks)),
  ...languageRows(launch),
]

/** The files and folders that the variables lead to, each once. */
export const pathsOf = ({ files, hooks }: Launch): readonly string[] => {
  const { ca, nodeCa, bundles, phpIni, wgetrc, javaStore } = files
  const paths = [ca, nodeCa, ...Object.values(bundles), phpIni, wgetrc, javaStore, hooks?.node, hooks?.python]
  return [...new Set(paths.filter((path) => path !== undefined))]
}

const row = (name: string, value: string, reason: string): Variable => ({ name, value, reason })

/** Nobody asks for it: but Python's websockets refuses a proxy whose user has no password, and urllib drops such a user. */
const PASSWORD = 'weir'

const proxyRows = ({ proxy, name, hosts, env }: Launch): readonly Variable[] => {
  const user = name === undefined ? '' : `${encodeURIComponent(name)}:${PASSWORD}@`
  const url = `http://${user}${proxy}`
  const spared = noProxy([env.NO_PROXY, env.no_proxy], hosts)
  return [
    row('HTTPS_PROXY', url, 'the way to weir; the user is the name of the bot'),
    row(
      'https_proxy',
      url,
      'in both cases: some read one, some the other, and those who read both differ on the winner',
    ),
    row('HTTP_PROXY', url, 'calls to http:// addresses of an exchange'),
    row('http_proxy', url, 'curl reads only this one'),
    row('NO_PROXY', spared, 'your own list, less what would lead an exchange past weir'),
    row('no_proxy', spared, 'in both cases'),
    row('NODE_USE_ENV_PROXY', '1', 'Node 22.21 and later look at HTTPS_PROXY only with it'),
  ]
}

const trustRows = ({ files: { ca, nodeCa, bundles } }: Launch): readonly Variable[] => [
  row('NODE_EXTRA_CA_CERTS', nodeCa, 'Node trusts these besides its own'),
  row('SSL_CERT_FILE', bundles.SSL_CERT_FILE, 'OpenSSL, Go, Rust, aiohttp, httpx: takes the place of the system roots'),
  row('REQUESTS_CA_BUNDLE', bundles.REQUESTS_CA_BUNDLE, 'Python requests does not look at SSL_CERT_FILE'),
  row('CURL_CA_BUNDLE', bundles.CURL_CA_BUNDLE, 'curl, whatever its TLS library'),
  row('DENO_CERT', ca, 'Deno'),
]

const hookRows = (
  { proxy, hosts, env, files }: Launch,
  hooks: { readonly node: string; readonly python: string },
): readonly Variable[] => [
  row(
    'NODE_OPTIONS',
    withPreload(env.NODE_OPTIONS, hooks.node),
    'ccxt, ws and older Node: they know no proxy variable',
  ),
  row('PYTHONPATH', first(hooks.python, env.PYTHONPATH), 'ccxt, hummingbot, cryptofeed: they know no proxy variable'),
  row('WEIR_TRANSPARENT', proxy, 'for the hook of Node: where TLS goes that no proxy leads'),
  row('WEIR_HOSTS', hosts.join(','), 'for the hooks: the hosts that they act on'),
  row('WEIR_CA_FILE', files.ca, 'for the hooks: whom to trust'),
]

const FREQTRADE = 'FREQTRADE__EXCHANGE__CCXT_CONFIG__'

const languageRows = ({ env, files, java, proxy }: Launch): readonly Variable[] => [
  row(`${FREQTRADE}requests_trust_env`, 'true', 'freqtrade: ccxt looks at HTTPS_PROXY only with it'),
  row(`${FREQTRADE}aiohttp_trust_env`, 'true', 'freqtrade: the same for its asynchronous calls'),
  row(`${FREQTRADE}cafile`, files.bundles.SSL_CERT_FILE, 'freqtrade: ccxt trusts this file alone'),
  // An empty entry stands for the folders that PHP was built with.
  row('PHP_INI_SCAN_DIR', `${env.PHP_INI_SCAN_DIR ?? ''}:${files.phpIni}`, 'PHP reads no CA variable'),
  ...(files.wgetrc === undefined ? [] : [row('WGETRC', files.wgetrc, 'wget reads no CA variable, with GnuTLS')]),
  ...(java
    ? [row('JAVA_TOOL_OPTIONS', javaOptions(env, proxy, files.javaStore), 'the JVM reads no other variable')]
    : []),
]

const withPreload = (options: string | undefined, preload: string): string => {
  const quoted = /[\s"\\]/.test(preload) ? `"${preload.replace(/["\\]/g, '\\$&')}"` : preload
  const ours = `--require ${quoted}`
  if (options === undefined || options.trim() === '') return ours
  return options.includes(ours) ? options : `${options} ${ours}`
}

const first = (folder: string, path: string | undefined): string => {
  const others = path?.split(':').filter((entry) => entry !== folder) ?? []
  return [folder, ...(path === undefined || path === '' ? [] : others)].join(':')
}

/** Both of Java's HTTP clients read the same properties. The JVM splits the text itself: it knows quotes, but no escapes. */
const javaOptions = (env: Environment, proxy: string, store: string | undefined): string => {
  const { hostname, port } = new URL(`http://${proxy}`)
  const trust = store === undefined ? [] : [`-Djavax.net.ssl.trustStore=${store}`]
  const password = store === undefined ? [] : ['-Djavax.net.ssl.trustStorePassword=changeit']
  const host = hostname.replace(/^\[|\]$/g, '')
  const ways = ['https', 'http'].flatMap((scheme) => [
    `-D${scheme}.proxyHost=${host}`,
    `-D${scheme}.proxyPort=${port || 80}`,
  ])
  const ours = [...ways, ...trust, ...password].map((word) => (/[\s']/.test(word) ? `"${word}"` : word)).join(' ')
  const own = env.JAVA_TOOL_OPTIONS
  if (own === undefined || own.trim() === '') return ours
  return own.includes(ours) ? own : `${own} ${ours}`
}
