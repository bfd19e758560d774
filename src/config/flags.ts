// The flags of the command line and the variables that stand in for them: one table.

/** One setting: its flag, its variable, what it means. */
export interface Flag {
  readonly flag: string
  readonly variable: string
  readonly value: string
  /** May be given several times; in a variable the values are separated by commas. */
  readonly many: boolean
  readonly default: string | undefined
  readonly meaning: string
}

const row = (flag: string, variable: string, value: string, fallback: string | undefined, meaning: string): Flag => ({
  flag,
  variable,
  value,
  many: false,
  default: fallback,
  meaning,
})

/** Every flag that `weir serve` takes. */
export const FLAGS: readonly Flag[] = [
  row('config', 'WEIR_CONFIG', 'FILE', 'limits.yaml', 'The limits.'),
  row('listen', 'WEIR_LISTEN', 'HOST:PORT', '127.0.0.1:8080', 'Where bots connect. Port 0 takes any free one.'),
  row('admin', 'WEIR_ADMIN', 'HOST:PORT', '127.0.0.1:9090', 'Where metrics, health and the dashboard are.'),
  row('state-dir', 'WEIR_STATE_DIR', 'DIR', '~/.weir', 'Certificates, and what must survive a restart.'),
  row('redis', 'WEIR_REDIS_URL', 'URL', undefined, 'Share limits and breakers with other weirs.'),
  {
    ...row('connect-to', 'WEIR_CONNECT_TO', 'HOST:PORT:HOST:PORT', undefined, 'Send a host elsewhere, as curl does.'),
    many: true,
  },
  {
    ...row('dns', 'WEIR_DNS', 'ADDRESS', undefined, 'Ask this DNS server where exchanges are, not the system.'),
    many: true,
  },
  {
    ...row('upstream-ca', 'WEIR_UPSTREAM_CA', 'FILE', undefined, 'Trust these certificates too, towards exchanges.'),
    many: true,
  },
  row('log-level', 'WEIR_LOG_LEVEL', 'LEVEL', 'info', 'trace, debug, info, warn, error, fatal or silent.'),
]

/** Variables that have no flag: a secret, and the names that operators of older set-ups know. */
export const VARIABLES: readonly { readonly variable: string; readonly meaning: string }[] = [
  { variable: 'WEIR_ADMIN_TOKEN', meaning: 'Bearer token of the admin port; required when it is not on loopback.' },
  { variable: 'KRAKEN_RATE_LIMIT_{CLASS}_{RPM|RPS|BURST}', meaning: 'Overrides the limits of a class of Kraken.' },
  {
    variable: 'COINBASE_RATE_LIMIT_{CLASS}_{RPM|RPS|BURST}',
    meaning: 'The same for Coinbase; COINBASE_EXCHANGE_… and COINBASE_APP_… too.',
  },
  { variable: 'RATE_LIMIT_CB_VIOLATIONS', meaning: 'Limit violations that open a breaker.' },
  { variable: 'RATE_LIMIT_CB_SECONDS', meaning: 'How long they open it for, in seconds.' },
  { variable: 'MAX_INBOX_SIZE', meaning: 'Most calls that wait in one lane.' },
  { variable: 'ALERT_DEBOUNCE_MIN', meaning: 'Minutes before the same alert is told again.' },
  { variable: 'ALERT_NO_SIGNALS_MIN', meaning: 'Minutes that a known bot may be silent.' },
  {
    variable: 'ALERT_REDIS_ERRORS_PER_MIN',
    meaning: 'Failures of Redis within a minute from which on there is an alert.',
  },
  { variable: 'ALERT_WEBHOOK_URL', meaning: 'Where alerts are sent to, besides the log; a secret.' },
  {
    variable: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    meaning:
      'An OpenTelemetry collector that gets a trace of every call, such as `http://127.0.0.1:4318` (OTLP, JSON).',
  },
  { variable: 'OTEL_EXPORTER_OTLP_HEADERS', meaning: 'Headers for it, `name=value,name=value`; a secret.' },
  { variable: 'OTEL_SERVICE_NAME', meaning: 'What weir is called in traces; `weir` unless set.' },
]

/** Names of weir's own variables. */
export const OWN_VARIABLES: readonly string[] = [...FLAGS.map(({ variable }) => variable), 'WEIR_ADMIN_TOKEN']
