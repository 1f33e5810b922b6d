// SPDX-License-Identifier: Apache-2.0
/*
 * The reading of a client's first bytes in the kernel against the same on the
 * host: over all files of a directory, whole and cut at every byte, each must
 * leave the same state behind.  Needs the right to load a tc program, no hook.
 */
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "client_run.h"
#include "client_run.skel.h"
#include "corpus.h"

#define UNITS	16

static struct client_run_bpf *skel;
static size_t calls;

static bool kernel_read(struct client_run *r)
{
	static __u8 packet[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	__u32 zero = 0;
	int fd = bpf_map__fd(skel->maps.runs);

	calls++;
	return !bpf_map_update_elem(fd, &zero, r, BPF_ANY) &&
	       !bpf_prog_test_run_opts(bpf_program__fd(skel->progs.client_run), &opts) &&
	       !bpf_map_lookup_elem(fd, &zero, r) && (int)opts.retval == r->client.status;
}

static void host_read(struct client_run *r)
{
	struct client_walk w = { .client = &r->client, .bytes = &r->said };

	if (r->next)
		client_next(&r->client);
	client_read(&w);
}

/* Both read @len bytes more, and are then of one mind. */
static bool read_both(struct client_run *host, struct client_run *kernel, __u32 len, bool next)
{
	host->said.len = kernel->said.len = len;
	host->next = kernel->next = next;
	host_read(host);
	return kernel_read(kernel) && !memcmp(host, kernel, sizeof(*host));
}

static bool units_agree(const struct said *said, __u32 cut)
{
	static struct client_run host, kernel;
	enum parse status = PARSE_MORE;
	int i;

	memset(&host, 0, sizeof(host));
	host.said = *said;
	kernel = host;
	if (cut && !read_both(&host, &kernel, cut, false))
		return false;
	for (i = 0; i < UNITS; i++) {
		bool next = status == PARSE_NAME || status == PARSE_DATA;

		if (host.client.status == PARSE_MORE || next)
			if (!read_both(&host, &kernel, said->len, next))
				return false;
		status = host.client.status;
		if (status == PARSE_MORE || status == PARSE_PLAIN || status == PARSE_BAD ||
		    host.client.kind == CLIENT_TLS)
			break;
	}
	return true;
}

static bool file_agrees(const char *path)
{
	static struct said said;
	__u32 cut;

	memset(&said, 0, sizeof(said));
	said.len = corpus_read(path, said.bytes, RUN_BYTES);
	for (cut = 0; cut < said.len; cut++)
		if (!units_agree(&said, cut)) {
			printf("# not the same when cut at %u of %u\n", cut, said.len);
			return false;
		}
	return true;
}

int main(int argc, char **argv)
{
	int status;

	if (argc != 2) {
		fputs("usage: client_run DIRECTORY\n", stderr);
		return 2;
	}
	skel = client_run_bpf__open_and_load();
	if (!skel) {
		puts("Bail out! the program cannot be loaded");
		return 1;
	}
	status = corpus_run(argv[1], file_agrees);
	printf("# %zu readings\n", calls);
	client_run_bpf__destroy(skel);
	return status != 0;
}
