// SPDX-License-Identifier: Apache-2.0
/* kntrl: the subcommands and what they have in common. */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kntrl.h"
#include "log.h"
#include "self.h"
#include "suggest.h"
#include "util.h"

const char *token_file;

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);

static const char help_help[] =
	"Usage: kntrl help [COMMAND]\n"
	"\n"
	"Explains kntrl, or one of its commands.\n";

static const char version_help[] =
	"Usage: kntrl version\n"
	"\n"
	"Prints the version of kntrl.\n";

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary, *help;
} commands[] = {
	{ "start", cmd_start, "put a policy in force, and report what happens", start_help },
	{ "stop", cmd_stop, "end it, and print what happened", stop_help },
	{ "status", cmd_status, "say what is in force", status_help },
	{ "run", cmd_run, "run a command under a policy of its own", run_help },
	{ "report", cmd_report, "print what happened under the loaded policy", report_help },
	{ "eval", cmd_eval, "print what a policy says of given connections", eval_help },
	{ "test", cmd_test, "run the tests of Rego rules", test_help },
	{ "completion", cmd_completion, "print a shell's completion script", completion_help },
	{ "help", cmd_help, "explain a command", help_help },
	{ "version", cmd_version, "print the version", version_help },
};

#define COMMANDS	(sizeof(commands) / sizeof(*commands))

static void usage(FILE *out)
{
	size_t i;

	fputs("Usage: kntrl [-v] [--token-file FILE] COMMAND [OPTION...]\n\nCommands:\n", out);
	for (i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\nOptions:\n"
	      "  -v, --verbose   also print what the BPF library has to say\n"
	      "  --token-file FILE  the token of what protects itself (rules.self_protect)\n"
	      "  -V, --version   print the version\n"
	      "  -h, --help      print this text\n"
	      "\nA policy is loaded with kntrl-load(8).  See kntrl(1).\n", out);
}

static const struct command *command_find(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void unknown_command(const char *name)
{
	const char *names[COMMANDS + 1], *nearest;
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		names[i] = commands[i].name;
	names[COMMANDS] = NULL;
	nearest = suggest(name, names);
	fputs("kntrl: unknown command \"", stderr);
	escape(stderr, name, strlen(name), 32);
	if (nearest)
		fprintf(stderr, "\"; did you mean \"%s\"?\n", nearest);
	else
		fputs("\"; see kntrl help\n", stderr);
}

static int cmd_help(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2 || argv[1][0] == '-') {
		usage(stdout);
		return EXIT_SUCCESS;
	}
	c = command_find(argv[1]);
	if (!c) {
		unknown_command(argv[1]);
		return EXIT_FAILURE;
	}
	fputs(c->help, stdout);
	return EXIT_SUCCESS;
}

static int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("kntrl " KNTRL_VERSION);
	return EXIT_SUCCESS;
}

/* Options before the command.  Its name, or NULL: all is done, with the exit status in *status. */
static const char *parse(int argc, char **argv, int *status)
{
	static const struct option options[] = {
		{ "verbose", no_argument, NULL, 'v' },
		{ "token-file", required_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	int opt;

	opterr = 0;
	*status = EXIT_SUCCESS;
	while ((opt = getopt_long(argc, argv, "+:vVh", options, NULL)) != -1) {
		switch (opt) {
		case 'v':
			log_verbose = true;
			break;
		case 't':
			token_file = optarg;
			break;
		case 'V':
			cmd_version(0, NULL);
			return NULL;
		case 'h':
			usage(stdout);
			return NULL;
		default:
			option_error("kntrl", options, opt, argv);
			*status = EXIT_FAILURE;
			return NULL;
		}
	}
	if (optind < argc)
		return argv[optind];
	usage(stderr);
	*status = EXIT_FAILURE;
	return NULL;
}

/* A report that did not reach its reader is no success. */
static int finish(int status)
{
	if (!ferror(stdout) && !fclose(stdout))
		return status;
	perror("kntrl: standard output");
	return status ? status : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	const struct command *c;
	const char *name;
	int first, status;

	setlocale(LC_CTYPE, "");
	log_start("kntrl");
	name = parse(argc, argv, &status);
	if (!name)
		return finish(status);
	c = command_find(name);
	if (!c) {
		unknown_command(name);
		return EXIT_FAILURE;
	}
	if (token_file && self_unlock(token_file))
		return EXIT_FAILURE;
	first = optind;
	optind = 0;	/* getopt starts anew */
	return finish(c->run(argc - first, argv + first));
}
