// Wraps the bucket and the namespace of the tested Worker, so that calls are recorded and fail as requested,
// and turns the message of a panic into an answer.
//
// `POST /faults` sets the faults of the next calls, `GET /faults` returns the recorded calls.

import { WorkerEntrypoint } from "cloudflare:workers";
import Worker from "./index.js";

/** `{ failures: [{ name, message, retryable }], loseAnswers, cut, flip, bare, storageClass, emptyPages }` */
let plan = {};
let calls = [];

export default class extends WorkerEntrypoint {
  async fetch(request) {
    if (new URL(request.url).pathname === "/faults") {
      if (request.method === "GET") return Response.json(calls);
      plan = await request.json();
      calls = [];
      return new Response();
    }
    const { MEDIA_BUCKET, SESSIONS } = this.env;
    const env = { ...this.env, MEDIA_BUCKET: faulty(MEDIA_BUCKET), SESSIONS: faulty(SESSIONS) };
    const panicked = new Promise((resolve) => {
      globalThis.onPanic = (message) => resolve(new Response(message, { status: 599 }));
    });
    return Promise.race([new Worker(this.ctx, env).fetch(request), panicked]);
  }
}

function faulty(target) {
  return new Proxy(target, {
    get(_, name) {
      const value = target[name];
      if (typeof value !== "function" || name === "constructor") return value;
      if (name === "resumeMultipartUpload") return (...args) => faulty(value.apply(target, args));
      return async (...args) => {
        calls.push({ method: name, options: recorded(args.at(-1)) });
        const failure = plan.failures?.shift() ?? plan.always;
        if (failure) {
          const type = globalThis[failure.name ?? "Error"];
          throw Object.assign(new type(failure.message), failure.retryable ? { retryable: true } : {});
        }
        if (name === "list" && plan.emptyPages > 0) {
          return { keys: [], list_complete: false, cursor: `empty-${plan.emptyPages--}` };
        }
        if (name === "list" && args[0].cursor?.startsWith("empty-")) args = [{ ...args[0], cursor: undefined }];
        const result = await value.apply(target, args);
        if (Math.random() < plan.loseAnswers) throw new Error("Network connection lost.");
        return altered(result, name);
      };
    },
  });
}

function recorded(options) {
  if (options === null || typeof options !== "object" || options instanceof ReadableStream) return undefined;
  if (ArrayBuffer.isView(options)) return undefined;
  const { onlyIf, ...rest } = options;
  if (onlyIf instanceof Headers) return { ...rest, onlyIf: { headers: Object.fromEntries(onlyIf) } };
  return JSON.parse(JSON.stringify(options));
}

/** An object or a page with the planned faults. */
function altered(result, method) {
  if (result === null || typeof result !== "object") return result;
  if (method === "list" && plan.bare) {
    const bare = ({ key, size, etag, uploaded }) => ({ key, size, etag, uploaded });
    return { objects: result.objects.map(bare), truncated: result.truncated, delimitedPrefixes: [] };
  }
  const properties = {};
  if (plan.storageClass) properties.storageClass = plan.storageClass;
  if (method === "get" && plan.cut?.length) properties.body = cut(result.body, plan.cut.shift());
  if (method === "get" && plan.flip > 0 && plan.flip--) properties.body = flip(result.body);
  if (Object.keys(properties).length === 0) return result;
  return new Proxy(result, {
    get(_, name) {
      if (name in properties) return properties[name];
      const value = result[name];
      return typeof value === "function" ? value.bind(result) : value;
    },
  });
}

/** The first `length` bytes, then a broken connection. */
function cut(body, length) {
  let left = length;
  return body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        if (chunk.length > left) {
          if (left > 0) controller.enqueue(chunk.slice(0, left));
          controller.error(new Error("Network connection lost."));
          return;
        }
        left -= chunk.length;
        controller.enqueue(chunk);
      },
    }),
  );
}

/** The same length with a different first byte. */
function flip(body) {
  let first = true;
  return body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        const copy = chunk.slice();
        if (first) copy[0] ^= 1;
        first = false;
        controller.enqueue(copy);
      },
    }),
  );
}
