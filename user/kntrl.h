/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of kntrl.  Each gets its own name as argv[0] and returns the exit status. */
#ifndef KNTRL_KNTRL_H
#define KNTRL_KNTRL_H

#define EXIT_POLICY	2	/* the policy is wrong; as kntrl-load */

#define EXIT_HAPPENED	10	/* what --fail-on names has happened */

extern const char *token_file;	/* --token-file; NULL: none */

int cmd_start(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_completion(int argc, char **argv);

extern const char start_help[], stop_help[], status_help[], run_help[], report_help[], eval_help[],
	test_help[], completion_help[];

#endif
