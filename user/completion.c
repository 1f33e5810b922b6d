// SPDX-License-Identifier: Apache-2.0
/* kntrl completion: the shells' scripts, as they lie under user/completions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kntrl.h"
#include "suggest.h"
#include "util.h"

const char completion_help[] =
	"Usage: kntrl completion bash|zsh|fish\n"
	"\n"
	"Prints that shell's completion of kntrl and kntrl-load:\n"
	"\n"
	"  bash  source <(kntrl completion bash)\n"
	"  zsh   kntrl completion zsh >\"${fpath[1]}/_kntrl\"\n"
	"  fish  kntrl completion fish | source\n";

__asm__("	.section .rodata\n"
	"script_bash:	.incbin \"user/completions/kntrl.bash\"\n"
	"	.byte 0\n"
	"script_zsh:	.incbin \"user/completions/kntrl.zsh\"\n"
	"	.byte 0\n"
	"script_fish:	.incbin \"user/completions/kntrl.fish\"\n"
	"	.byte 0\n"
	"	.previous\n");

extern const char script_bash[], script_zsh[], script_fish[];

static const char *const shells[] = { "bash", "zsh", "fish", NULL };
static const char *const scripts[] = { script_bash, script_zsh, script_fish };

int cmd_completion(int argc, char **argv)
{
	const char *name = argc == 2 ? argv[1] : "", *nearest;
	int i;

	if (!strcmp(name, "-h") || !strcmp(name, "--help")) {
		fputs(completion_help, stdout);
		return EXIT_SUCCESS;
	}
	for (i = 0; shells[i]; i++) {
		if (strcmp(name, shells[i]))
			continue;
		fputs(scripts[i], stdout);
		return EXIT_SUCCESS;
	}
	nearest = suggest(name, shells);
	fputs("kntrl completion: \"", stderr);
	escape(stderr, name, strlen(name), 32);
	fprintf(stderr, "\" is no shell that is known; %s %s\n", nearest ? "did you mean" : "use",
		nearest ? nearest : "bash, zsh or fish");
	return EXIT_FAILURE;
}
