import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { printTables, readReadme, withTables } from '../scripts/readme.ts'
import { COMMANDS } from '../src/cli/commands.ts'
import { formatIssues } from '../src/config/issues.ts'
import { loadRules } from '../src/config/load.ts'

const readme = readReadme()
const root = new URL('../', import.meta.url)

describe('README.md', () => {
  it('has the tables that the code prints (`node scripts/readme.ts` renews them)', async () => {
    expect(readme).toBe(await withTables(readme))
    for (const name of (await printTables()).keys()) expect(readme).toContain(`<!-- printed: ${name} -->`)
  })

  it('names every X-Weir header that the code knows, and no other', () => {
    const sources = readdirSync(new URL('src', root), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(new URL(`src/${file}`, root), 'utf8'))
    expect(headersIn(readme)).toEqual(headersIn(sources.join('\n')))
  })

  it('shows only limits.yaml examples that are right', () => {
    const files = codeBlocks('yaml').filter((block) => block.includes('exchanges:'))
    expect(files).not.toEqual([])
    for (const file of files) {
      const loaded = loadRules(file, 'README.md', {})
      expect(loaded.ok ? '' : formatIssues(loaded.issues, file)).toBe('')
    }
  })

  it('tells to run only what there is', () => {
    const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { scripts: object }
    const shell = codeBlocks('sh').join('\n')
    const run = [...shell.matchAll(/npm (?:run (?:-s )?)?(\w+)/g)].map(([, name = '']) => name)
    expect(run.filter((name) => name !== 'ci' && !(name in scripts))).toEqual([])
    const asked = [...shell.matchAll(/npx weir (\w+)/g)].map(([, name = '']) => name)
    expect(asked.filter((name) => !COMMANDS.has(name))).toEqual([])
  })

  it('links to files and headings that exist', () => {
    const links = [...readme.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
    const headings = new Set([...readme.matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => anchor(text)))
    const dead = links.filter((target) =>
      target.startsWith('#')
        ? !headings.has(target.slice(1))
        : !/^https?:/.test(target) && !existsSync(new URL(target, root)),
    )
    expect(dead).toEqual([])
    const named = [...readme.matchAll(/`((?:src|test|scripts|deploy|docs)\/[\w./-]+)`/g)].map(([, path = '']) => path)
    expect(named.filter((path) => !existsSync(new URL(path, root)))).toEqual([])
  })
})

const headersIn = (text: string): readonly string[] =>
  [...new Set([...text.matchAll(/x-weir-[a-z]+(?:-[a-z]+)*/gi)].map(([name]) => name.toLowerCase()))].sort()

const codeBlocks = (language: string): readonly string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, body = '']) => body)

/** As code hosts make them. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replaceAll(' ', '-')
