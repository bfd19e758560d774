// The views of core as they arrive here: `openForMs` is `open_for_ms`.

type Snake<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? First extends Lowercase<First>
    ? `${First}${Snake<Rest>}`
    : `_${Lowercase<First>}${Snake<Rest>}`
  : Name

export type Wire<View> = View extends readonly (infer Item)[]
  ? readonly Wire<Item>[]
  : View extends object
    ? { readonly [Name in keyof View as Snake<Name & string>]: Wire<View[Name]> }
    : View
