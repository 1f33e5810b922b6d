// SPDX-License-Identifier: Apache-2.0
// Writes the job's summary, prints the report, and ends kntrl.
"use strict";

const fs = require("node:fs");
const { input, fail, without_commands, run } = require("./runner.js");

const TOKEN = process.env.STATE_token || "";	// of a policy that protects itself

// By a pipe: nothing of the job can read it there.
function run_unlocked(kntrl, args, show) {
	return TOKEN ? run(kntrl, ["--token-file", "/dev/fd/0", ...args], show, TOKEN) :
		run(kntrl, args, show);
}

const SUMMARY_MAX = 1000 * 1000;	// the runner drops a summary of more than 1 MiB
const STATUS_HAPPENED = 10;

function summarize(kntrl) {
	const { status, output } = run_unlocked(kntrl, ["report", "--format", "markdown"], false);

	if (status !== 0)
		throw new Error(`kntrl report: status ${status}`);
	if (!process.env.GITHUB_STEP_SUMMARY)
		return;
	fs.appendFileSync(process.env.GITHUB_STEP_SUMMARY,
		Buffer.byteLength(output) <= SUMMARY_MAX ? output :
			"kntrl's report is too long for a summary; the log of its post step has it.\n");
}

// The policy ends, whatever became of the summary.
function end(kntrl) {
	const on = input("fail_on");
	let status;

	without_commands(() =>
		({ status } = run_unlocked(kntrl, on ? ["stop", "--fail-on", on] : ["stop"], true)));
	if (status === STATUS_HAPPENED)
		throw new Error(`what fail_on names has happened (${on}); see the job's summary`);
	if (status !== 0)
		throw new Error(`kntrl stop: status ${status}; the log says why`);
}

const kntrl = process.env.STATE_kntrl;	// unset where the start has failed

for (const step of kntrl ? [summarize, end] : []) {
	try {
		step(kntrl);
	} catch (why) {
		fail(why.message);
	}
}
