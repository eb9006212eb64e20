// Graphile Worker as a process that answers one line to each line it reads: settings, fill, start, handled, arrivals, stop.
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
import { Logger, makeWorkerUtils, run } from "graphile-worker";

const [connectionString, options] = process.argv.slice(2);
const { version } = JSON.parse(readFileSync(new URL("node_modules/graphile-worker/package.json", import.meta.url)));
const preset = {
  worker: { connectionString, logger: new Logger(() => () => {}), ...JSON.parse(options) },
};

let handled = 0;
let arrivals = [];
const taskList = {
  noop: () => {
    handled++;
  },
  arrive: ({ n }) => {
    arrivals.push(`${n}:${process.hrtime.bigint()}`); // the clock that System.nanoTime() reads
  },
};

const utils = await makeWorkerUtils({ preset });
await utils.migrate();
let runner;

const commands = {
  settings: () => `${version} on Node.js ${process.version}, ${options}`,
  fill: async (tasks) => {
    const count = Number(tasks);
    for (let from = 0; from < count; from += 10000) {
      await utils.addJobs(
        Array.from({ length: Math.min(10000, count - from) }, (_, i) => ({
          identifier: "noop",
          payload: { n: from + i, text: "x".repeat(180) },
        })),
      );
    }
    return tasks;
  },
  start: async () => {
    handled = 0;
    runner = await run({ preset, taskList, noHandleSignals: true });
    return "started";
  },
  handled: () => handled,
  arrivals: () => {
    const answer = arrivals.join(" ");
    arrivals = [];
    return answer;
  },
  stop: async () => {
    await runner.stop();
    return "stopped";
  },
};

console.log("> ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...values] = line.split(" ");
  console.log(`> ${await commands[command](...values)}`);
}
process.exit(0);
