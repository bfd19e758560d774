// How endpoints are written, and which of several patterns a call belongs to.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parsePattern, type Route, routeText } from '../../src/rules/pattern.ts'
import { Routes } from '../../src/rules/router.ts'

const routesOf = (text: string): readonly Route[] => {
  const parsed = parsePattern(text)
  if (!parsed.ok) throw new Error(parsed.message)
  return parsed.routes
}

/** A router whose answers are the patterns themselves; `odd` where nothing fits. */
const routerOf = (patterns: readonly string[]): ((method: string, path: string) => string) => {
  const routes = new Routes<string>()
  for (const pattern of patterns) for (const route of routesOf(pattern)) routes.add(route, pattern)
  return routes.router('odd')
}

describe('a pattern', () => {
  it.each([
    ['GET /a', ['GET /a']],
    ['GET /', ['GET /']],
    ['GET|POST /a/b', ['GET /a/b', 'POST /a/b']],
    ['* /a', ['* /a']],
    ['GET /{a,b}/{c,d}', ['GET /a/c', 'GET /a/d', 'GET /b/c', 'GET /b/d']],
    ['GET /a{,/b,/b/c}', ['GET /a', 'GET /a/b', 'GET /a/b/c']],
    ['GET /a/{b, c,\n  d}', ['GET /a/b', 'GET /a/c', 'GET /a/d']],
    ['GET /a/*/c', ['GET /a/*/c']],
    ['GET /a/**', ['GET /a/**']],
  ])('%j stands for its routes', (text, expected) => {
    expect(routesOf(text).map(routeText)).toEqual(expected)
  })

  it.each([
    '/a',
    'GET',
    'get /a',
    'GET|/a',
    'GET a',
    'GET /a/{b',
    'GET /a/b}',
    'GET /{a,{b}}',
    'GET /}a{',
    'GET /a*',
    'GET /**/a',
    'GET //a',
    'GET /a/',
    'GET /a/./b',
    'GET /a/../b',
    'GET /a?b=c',
    'GET /a%20b',
    'GET /a b',
    'GET /a\\b',
    'GET /a;b',
  ])('%j is refused', (text) => {
    expect(parsePattern(text).ok).toBe(false)
  })
})

describe('precedence', () => {
  const route = routerOf(['GET /a/b', 'GET /a/*', 'GET /a/**', 'GET /a/*/c', 'GET /*/b/c', '* /a/b', 'POST /**'])

  it.each([
    ['GET', '/a/b', 'GET /a/b'],
    ['GET', '/a/x', 'GET /a/*'],
    ['GET', '/a', 'GET /a/**'],
    ['GET', '/a/x/y', 'GET /a/**'],
    ['GET', '/a/x/c', 'GET /a/*/c'],
    // The first segment decides: a literal `a` beats `*`, although `b` would then be literal too.
    ['GET', '/a/b/c', 'GET /a/*/c'],
    ['GET', '/z/b/c', 'GET /*/b/c'],
    ['PUT', '/a/b', '* /a/b'],
    // The path comes before the method.
    ['POST', '/a/b', '* /a/b'],
    ['POST', '/a/x', 'POST /**'],
    ['POST', '/', 'POST /**'],
    ['PUT', '/a/x', 'odd'],
    ['GET', '/', 'odd'],
  ])('%s %s belongs to %s', (method, path, expected) => {
    expect(route(method, path)).toBe(expected)
  })

  it('goes back to a wider pattern where a narrower one leads nowhere', () => {
    const deep = routerOf(['GET /a/b/c', 'GET /a/*/d', 'GET /**'])
    expect([deep('GET', '/a/b/c'), deep('GET', '/a/b/d'), deep('GET', '/a/b/e')]).toEqual([
      'GET /a/b/c',
      'GET /a/*/d',
      'GET /**',
    ])
  })

  it('takes HEAD for GET unless HEAD has patterns of its own', () => {
    expect(routerOf(['GET /a'])('HEAD', '/a')).toBe('GET /a')
    expect(routerOf(['GET /a', 'HEAD /a'])('HEAD', '/a')).toBe('HEAD /a')
  })
})

/** Few words and few segments, so that patterns overlap all the time. */
const segment = fc.constantFrom('a', 'b', '*')
const pattern = fc
  .tuple(
    fc.constantFrom('GET', 'POST', '*'),
    fc.array(segment, { minLength: 1, maxLength: 4 }),
    fc.constantFrom('', '', '/**'),
  )
  .map(([method, segments, rest]) => `${method} /${segments.join('/')}${rest}`)
const patterns = fc.uniqueArray(pattern, { minLength: 1, maxLength: 12 })
const path = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 5 }).map((segments) => `/${segments.join('/')}`)
const method = fc.constantFrom('GET', 'POST', 'PUT')

describe('for any set of patterns', () => {
  it('precedence does not depend on the order in the file', () => {
    const shuffled = patterns.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length })),
    )
    fc.assert(
      fc.property(shuffled, method, path, ([one, other], verb, where) => {
        expect(routerOf(other)(verb, where)).toBe(routerOf(one)(verb, where))
      }),
    )
  })

  it('a call belongs to a pattern that fits it, and to none only when none fits', () => {
    const fits = (text: string, verb: string, where: string): boolean => {
      const [wanted = '', shape = ''] = text.split(' ')
      const body = shape.replace(/\/\*\*$/, '')
      const rest = shape.endsWith('/**') ? '(/.*)?' : ''
      const regex = new RegExp(`^${body.replaceAll('*', '[^/]+')}${rest}$`)
      return (wanted === '*' || wanted === verb) && regex.test(where)
    }
    fc.assert(
      fc.property(patterns, method, path, (list, verb, where) => {
        const found = routerOf(list)(verb, where)
        const fitting = list.filter((text) => fits(text, verb, where))
        expect(fitting.length === 0 ? ['odd'] : fitting).toContain(found)
      }),
    )
  })

  it('segment by segment, the literal one beats the one that is not', () => {
    const shape = (text: string): string => (text.split(' ')[1] ?? '').replace('/**', '/~')
    /** Sorts literal before `*` before `**`, and the end of a path before `**`. */
    const weight = (text: string): string =>
      `${shape(text).replaceAll('a', '1').replaceAll('b', '1').replaceAll('*', '2').replaceAll('~', '3')} ${text.startsWith('*') ? 2 : 1}`
    fc.assert(
      fc.property(patterns, method, path, (list, verb, where) => {
        const found = routerOf(list)(verb, where)
        fc.pre(found !== 'odd')
        for (const text of list) {
          if (routerOf([text])(verb, where) === text) expect(weight(found) <= weight(text)).toBe(true)
        }
      }),
    )
  })
})
