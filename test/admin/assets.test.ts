import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { openDesk } from './desk.ts'

const PAGE = new URL('../../src/admin/page/', import.meta.url)

describe('the files of the dashboard', () => {
  it('may do nothing but what this port serves', async () => {
    await using desk = await openDesk()
    const { headers, body } = await desk.get('/', { accept: 'text/html' })
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toContain('unsafe')
    expect(body).not.toMatch(/\son\w+=|<script>|<style|style=|https?:\/\/(?!www\.w3\.org)/)
  })

  it('are all there: the page, and whatever they ask for', async () => {
    await using desk = await openDesk()
    const asked = new Set(['/'])
    for (const path of asked) {
      const { status, body } = await desk.get(path, { accept: 'text/html' })
      expect(status, path).toBe(200)
      if (path === '/') for (const [, found] of body.matchAll(/(?:src|href)="(\/page\/[^"]+)"/g)) asked.add(found ?? '')
      else if (path !== '/page/uplot.js') {
        for (const [, found] of body.matchAll(/^import .* from '\.\/([^']+)'/gm)) asked.add(`/page/${found}`)
        for (const [, found] of body.matchAll(/'(\/page\/[^']+)'/g)) asked.add(found ?? '')
      }
    }
    expect(asked.size).toBeGreaterThan(15)
  })

  it('are sent once, and compressed for whoever can read that', async () => {
    await using desk = await openDesk()
    const plain = await desk.get('/page/main.js')
    expect(plain.body).toBe(readFileSync(new URL('main.js', PAGE), 'utf8'))
    const { headers } = await desk.get('/page/main.js', { 'accept-encoding': 'gzip, br' })
    expect(headers).toMatchObject({ 'content-encoding': 'br', vary: 'Accept-Encoding', etag: plain.headers.etag })
    expect(Number(headers['content-length'])).toBeLessThan(plain.body.length / 2)
    const zipped = await desk.get('/page/main.js', { 'accept-encoding': 'gzip' })
    expect(zipped.headers['content-encoding']).toBe('gzip')
    const again = await desk.get('/page/main.js', { 'if-none-match': String(plain.headers.etag) })
    expect([again.status, again.body]).toEqual([304, ''])
  })

  it('have colours that can be read: 4.5 to 1 in both themes', () => {
    const css = readFileSync(new URL('style.css', PAGE), 'utf8')
    const themes = [...css.matchAll(/^:root.*?{(.*?)^}/gms)].map(([, body = '']) =>
      Object.fromEntries([...body.matchAll(/--([\w-]+): (#\w{6});/g)].map(([, name, colour]) => [name, colour])),
    )
    expect(themes).toHaveLength(2)
    const pairs = [
      ...['ink', 'quiet', 'accent', 'good', 'warn', 'bad'].map((name) => [name, 'panel'] as const),
      ...(['ink on ground', 'quiet on ground', 'accent on ground'] as const).map((pair) => pair.split(' on ')),
      ...(['good', 'warn', 'bad'] as const).map((name) => [name, `${name}-soft`] as const),
      ['accent', 'calm-soft'],
      ['ink', 'warn-soft'],
    ]
    for (const theme of themes) {
      for (const [text = '', ground = ''] of pairs) {
        const ratio = contrast(theme[text] ?? '', theme[ground] ?? '')
        expect(ratio, `${text} on ${ground}: ${theme[text]} on ${theme[ground]}`).toBeGreaterThanOrEqual(4.5)
      }
    }
  })
})

/** Contrast ratio (WCAG 2.2, "contrast ratio" and "relative luminance"). */
const contrast = (a: string, b: string): number => {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (light + 0.05) / (dark + 0.05)
}

const luminance = (colour: string): number => {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
