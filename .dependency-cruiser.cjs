// Imports point inward, features do not know each other, and each package lives in one file.

/** Folders that hold one capability each; what two need lives in core or is handed in. */
const FEATURES =
  'admin|alerts|autopsy|breaker|cache|classify|coalesce|failures|forward|health|identify|inbound|launch|limit|lockout|observe|orders|redis|rescue|rules|state|tls|trace'

/** Package → the one place that may import it. */
const HOMES = {
  undici: '^src/forward/pool\\.ts$',
  'http-proxy': '^src/inbound/upgrade\\.ts$',
  '@peculiar/x509': '^src/tls/',
  'reflect-metadata': '^src/tls/',
  'prom-client': '^src/observe/metrics\\.ts$',
  pino: '^src/observe/log\\.ts$',
  ioredis: '^src/redis/connection\\.ts$',
  yaml: '^src/config/yaml\\.ts$',
  zod: '^src/config/(buckets|classes|schema|costs|leaves|speech|watching)\\.ts$',
}

const home = ([name, path]) => ({
  name: `one-home-for-${name.replace(/\W+/g, '-')}`,
  severity: 'error',
  from: { path: '^src/', pathNot: path },
  to: { path: `(^|/)node_modules/${name}/` },
})

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'core-imports-core',
      comment: 'The core knows nothing of what is built on it.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { pathNot: '^src/core/' },
    },
    {
      name: 'features-are-strangers',
      comment: 'A feature can be deleted with its folder and one push in app/road.ts.',
      severity: 'error',
      from: { path: `^src/(${FEATURES})/` },
      to: { path: `^src/(${FEATURES})/`, pathNot: '^src/$1/' },
    },
    {
      name: 'nobody-imports-the-composition',
      severity: 'error',
      from: { path: `^src/(core|config|${FEATURES})/` },
      to: { path: '^src/(app|cli|plan)/|^src/main\\.ts$' },
    },
    {
      name: 'source-knows-no-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|demo)/' },
    },
    {
      name: 'no-undeclared-packages',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown'] },
    },
    {
      name: 'sqlite-in-one-place',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(state|lock)/' },
      to: { path: '^(node:)?sqlite$' },
    },
    ...Object.entries(HOMES).map(home),
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
}
