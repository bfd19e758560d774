// Puts the page together: panels on one side, what weir tells on the other.

import { mountAlerts } from './alerts.js'
import { mountBots } from './bots.js'
import { mountBreakers } from './breakers.js'
import { mountDecisions } from './decisions.js'
import { byId, refreshTimes, setText, setTone } from './dom.js'
import { mountLanes } from './lanes.js'
import { mountLevels } from './levels.js'
import { ask, listen } from './link.js'
import { mountOverview } from './overview.js'
import { mountPlots } from './plots.js'
import { mountRules } from './rules.js'
import { mountTheme } from './theme.js'
import { mountViolations } from './violations.js'
import { setClock } from './words.js'

const LINKS = /** @type {const} */ ({
  connecting: ['connecting', 'warn'],
  live: ['live', 'good'],
  away: ['weir is away, trying again', 'bad'],
  asleep: ['asleep', undefined],
})

const announce = (/** @type {string} */ text) => setText(byId('news'), text)

mountTheme(byId('theme'))
const overview = mountOverview()
const levels = mountLevels()
const lanes = mountLanes()
const breakers = mountBreakers(announce)
let proxy = 'weir'
const decisions = mountDecisions(() => proxy)
const violations = mountViolations()
const alerts = mountAlerts()
const bots = mountBots()
const rules = mountRules()
const plots = mountPlots()

const readAlerts = () => ask('/v1/alerts?active=1').then((told) => alerts(told.alerts))
const readBots = () => ask('/v1/stats').then(bots)
const readRules = () => ask('/v1/rules').then(rules)
const readBreakers = () => ask('/v1/breakers').then(breakers)

/** Everything that events do not repeat. */
const readAll = () =>
  Promise.allSettled([
    readRules(),
    readAlerts(),
    readBots(),
    ask('/v1/recent?limit=500').then(({ calls }) => decisions.reset(calls)),
    ask('/v1/violations?limit=200').then((told) => violations.reset(told.violations)),
    plots.then(({ refresh }) => refresh()),
  ])

/** Pictures of the levels between two looks at what is not in them. Of alerts that come and go, not every change is told. */
const LOOKS_PER_READ = 5
let looks = 0
let linked = ''

listen(
  {
    hello: ({ resumed }) => {
      if (!resumed) void readAll()
    },
    levels: (told) => {
      setClock(told.at_wall_ms)
      proxy = told.proxy
      overview(told)
      levels(told)
      lanes(told)
      breakers(told)
      violations.advise(told.recommendations)
      refreshTimes()
      looks += 1
      if (looks % LOOKS_PER_READ === 0) void Promise.allSettled([readAlerts(), readBots()])
      if (looks > 1) return
      void plots.then(({ offer, refresh }) => {
        offer(busiestFirst(told.exchanges))
        return refresh()
      })
    },
    call: decisions.add,
    skipped: ({ calls }) => decisions.skipped(calls),
    violation: (told) => {
      violations.add(told)
      announce(`${told.exchange} refused a call that ${told.bucket} had room for.`)
    },
    breaker: ({ host, to, reason }) => {
      announce(`The breaker of ${host} is ${to.replace('_', ' ')}: ${reason}`)
      void readBreakers().catch(() => {})
    },
    alert: ({ message, resolved_at_wall_ms: resolved }) => {
      announce(resolved === undefined ? message : `Over: ${message}`)
      void readAlerts().catch(() => {})
    },
    rules: () => void readRules().catch(() => {}),
  },
  (state) => {
    if (state === linked) return
    linked = state
    const [text, tone] = LINKS[state]
    const tag = byId('link')
    setText(tag, text)
    setTone(tag, tone)
    document.body.classList.toggle('away', state === 'away')
    if (state === 'away') announce('weir does not answer; what is shown is old.')
  },
)

/** @param {Record<string, { readonly calls: number }>} exchanges */
function busiestFirst(exchanges) {
  return Object.entries(exchanges)
    .sort(([, a], [, b]) => b.calls - a.calls)
    .map(([name]) => name)
}
