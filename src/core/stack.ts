// How layers compose. A stack lists its layers in the order in which a call meets them: the first pushed is the outermost.

import type { Reply } from './call.ts'

/** Answers one call. */
export type Handler<In> = (call: In) => Promise<Reply>

/** Wraps the handler inside it. What is inside may know more about the call than what is outside. */
export type Layer<Outer, Inner = Outer> = (next: Handler<Inner>) => Handler<Outer>

/** Layers whose order the type system checks: a layer that needs a class can not be pushed before the one that finds it. */
export class Stack<Outer, Inner> {
  readonly #wrap: Layer<Outer, Inner>

  private constructor(wrap: Layer<Outer, Inner>) {
    this.#wrap = wrap
  }

  /** An empty stack for calls of type `C`. */
  static of<C>(): Stack<C, C> {
    return new Stack<C, C>((next) => next)
  }

  /** Puts `layer` inside all layers pushed so far. */
  push<Deeper>(layer: Layer<Inner, Deeper>): Stack<Outer, Deeper> {
    return new Stack((next) => this.#wrap(layer(next)))
  }

  /** Closes the stack with the handler that needs no other. */
  serve(innermost: Handler<Inner>): Handler<Outer> {
    return this.#wrap(innermost)
  }
}
