// SPDX-License-Identifier: Apache-2.0
/* kntrl test: runs the tests of Rego rules. */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kntrl.h"
#include "policy.h"
#include "rego/rego.h"
#include "suggest.h"
#include "util.h"

#define DIRS_DEEP	16
#define TESTS_FAILED	2	/* as opa test has it */

const char test_help[] =
	"Usage: kntrl test DIR|FILE...\n"
	"\n"
	"Runs every rule named test_* in the *.rego files given, and in those of the\n"
	"directories given; their *.json files are the document \"data\".\n"
	"\n"
	"  -h, --help            print this text\n"
	"\n"
	"Exit status: 0 all passed; 2 some failed; 1 anything else.  See kntrl(1).\n";

struct tally {
	const char *file;	/* that was named last */
	size_t passed, failed, errors;
};

static bool ends_in(const char *name, const char *suffix)
{
	size_t len = strlen(name), n = strlen(suffix);

	return len > n && !strcmp(name + len - n, suffix);
}

static int complain(const char *path, const char *why)
{
	escape(stderr, path, strlen(path), ESCAPE_ALL);
	fprintf(stderr, ": %s\n", why);
	return 1;
}

static int add_file(struct rego *r, const char *path)
{
	const char *why;
	size_t len;
	char *text = policy_file(path, &len, &why);
	int errors;

	if (!text)
		return complain(path, why);
	if (ends_in(path, ".json"))
		errors = rego_add_json(r, path, text, len, stderr);
	else
		errors = rego_add(r, path, text, len, stderr);
	free(text);
	return errors;
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_path(struct rego *r, const char *path, int depth);

static int add_entry(struct rego *r, const char *dir, const char *name, int depth)
{
	size_t len = strlen(dir) + strlen(name) + 2;
	char *path = xmalloc(len);
	struct stat st;
	int errors = 0;

	snprintf(path, len, "%s/%s", dir, name);
	if (ends_in(name, ".rego") || ends_in(name, ".json") ||
	    (!stat(path, &st) && S_ISDIR(st.st_mode)))
		errors = add_path(r, path, depth + 1);
	free(path);
	return errors;
}

static int add_path(struct rego *r, const char *path, int depth)
{
	struct dirent **entries;
	int n, i, errors = 0;
	struct stat st;

	if (stat(path, &st))
		return complain(path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return add_file(r, path);
	if (depth > DIRS_DEEP)
		return complain(path, "directories too deep");
	n = scandir(path, &entries, visible, by_name);
	if (n < 0)
		return complain(path, strerror(errno));
	for (i = 0; i < n; i++) {
		errors += add_entry(r, path, entries[i]->d_name, depth);
		free(entries[i]);
	}
	free(entries);
	return errors;
}

static void show(const char *text)
{
	escape(stdout, text, strlen(text), ESCAPE_ALL);
}

static void tell(const struct rego_result *result, void *arg)
{
	static const char *const words[] = {
		[REGO_PASS] = "PASS", [REGO_FAIL] = "FAIL", [REGO_ERROR] = "ERROR",
	};
	struct tally *t = arg;

	if (!t->file || strcmp(t->file, result->file)) {
		show(result->file);
		puts(":");
		t->file = result->file;
	}
	show(result->package);
	printf(".%s: %s\n", result->name, words[result->outcome]);
	t->passed += result->outcome == REGO_PASS;
	t->failed += result->outcome == REGO_FAIL;
	t->errors += result->outcome == REGO_ERROR;
	if (result->outcome == REGO_PASS)
		return;
	fputs("  ", stdout);
	show(result->file);
	printf(":%u", result->line);
	if (result->outcome == REGO_ERROR) {
		fputs(": ", stdout);
		show(result->why);
	}
	putchar('\n');
}

static int run_tests(struct rego *r)
{
	struct tally t = { 0 };
	size_t all;

	rego_test(r, tell, &t);
	all = t.passed + t.failed + t.errors;
	if (!all) {
		fputs("kntrl test: no rule named test_*\n", stderr);
		return EXIT_FAILURE;
	}
	puts("--------------------------------------------------------------------------------");
	printf("PASS: %zu/%zu\n", t.passed, all);
	if (t.failed)
		printf("FAIL: %zu/%zu\n", t.failed, all);
	if (t.errors)
		printf("ERROR: %zu/%zu\n", t.errors, all);
	return t.passed == all ? EXIT_SUCCESS : TESTS_FAILED;
}

int cmd_test(int argc, char **argv)
{
	static const struct option options[] = {
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	struct rego *r;
	int opt, status, errors = 0;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":vh", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(test_help, stdout);
			return EXIT_SUCCESS;
		}
		if (opt == '?' || opt == ':') {
			option_error("kntrl test", options, opt, argv);
			return EXIT_FAILURE;
		}
	}
	if (optind == argc) {
		fputs("kntrl test: no file and no directory given\n", stderr);
		return EXIT_FAILURE;
	}
	r = rego_new();
	for (; optind < argc; optind++)
		errors += add_path(r, argv[optind], 0);
	if (!errors)
		errors = rego_check(r, stderr);
	status = errors ? EXIT_FAILURE : run_tests(r);
	rego_free(r);
	return status;
}
