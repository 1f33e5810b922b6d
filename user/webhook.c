// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "kntrl.h"
#include "load.h"
#include "log.h"
#include "pins.h"
#include "util.h"
#include "webhook.h"

#define WEBHOOK_FILE	RUN_DIR "/webhooks"
#define QUEUE_MAX	512	/* deliveries of one webhook that wait or are under way */
#define AT_ONCE		4	/* of one webhook */
#define ATTEMPTS	4
#define BACK_OFF_MS	500	/* before the second attempt; then twice that, ... */
#define BACK_OFF_MAX_MS	60000	/* as the endpoint may ask for */
#define END_MS		5000
#define EVENT_MAX	65536
#define NOBODY		65534

struct delivery {
	struct delivery *next;
	struct hook *hook;
	char *body;
	int attempts;
	bool under_way;
	int64_t due;		/* ms */
};

struct hook {
	const struct webhook_rule *rule;
	struct curl_slist *headers;
	struct delivery *first, **last;
	int waiting, under_way;
	bool said;		/* that it drops */
};

struct work {
	const struct policy_src *policy;
	struct webhook_counts *counts;
	CURLM *multi;
	struct hook *hooks;
	size_t nhooks;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void count(unsigned long long *counter, long n)
{
	__atomic_add_fetch(counter, n, __ATOMIC_RELAXED);
}

/* Which webhook a message is about: by its place, for the URL may be secret. */
#define PLACE		"%s:%u: webhook: "
#define PLACE_OF(p, r)	(p)->files[(r)->at.file], (r)->at.line

/* ---- Headers ---- */

#define VARIABLE	64

/* "${NAME}" becomes the variable's value; NULL: the one in @name is not set. */
static char *expand(const char *value, char name[VARIABLE])
{
	const char *end, *set = "";
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	while (*value && set) {
		end = strncmp(value, "${", 2) ? NULL : strchr(value, '}');
		if (!end || end - value - 2 >= VARIABLE) {
			fputc(*value++, f);
			continue;
		}
		snprintf(name, VARIABLE, "%.*s", (int)(end - value - 2), value + 2);
		set = getenv(name);
		fputs(set ? set : "", f);
		value = end + 1;
	}
	fclose(f);
	if (set && !strpbrk(text, "\r\n"))
		return text;
	free(text);
	return NULL;
}

static int headers_check(const struct policy_src *p, const struct webhook_rule *rule)
{
	char name[VARIABLE], *value;
	int errors = 0;
	size_t i;

	for (i = 0; i < rule->nheaders; i++) {
		value = expand(rule->headers[i].value, name);
		if (!value) {
			log_error(PLACE "headers: ${%s} is not set, or is more than one line",
				  PLACE_OF(p, rule), name);
			errors++;
		}
		free(value);
	}
	return errors;
}

int webhooks_check(const struct policy_src *p)
{
	int errors = 0;
	size_t i;

	for (i = 0; i < p->webhooks.n; i++)
		errors += headers_check(p, &p->webhooks.v[i]);
	return errors;
}

static struct curl_slist *headers_of(const struct webhook_rule *rule)
{
	struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
	char name[VARIABLE], *value, *line;
	size_t i;

	for (i = 0; i < rule->nheaders; i++) {
		value = expand(rule->headers[i].value, name);
		if (value && asprintf(&line, "%s: %s", rule->headers[i].name, value) > 0) {
			list = curl_slist_append(list, line);
			free(line);
		}
		free(value);
	}
	return list;
}

/* ---- Deliveries ---- */

static size_t discard(char *data, size_t size, size_t n, void *context)
{
	(void)data;
	(void)context;
	return size * n;
}

/*
 * Redirections are not followed: headers may be secret.  Certificates are verified,
 * and names, which is libcurl's default.
 */
static void attempt(struct work *w, struct delivery *d)
{
	CURL *e = curl_easy_init();

	curl_easy_setopt(e, CURLOPT_URL, d->hook->rule->url);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, d->hook->headers);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, d->body);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)d->hook->rule->timeout_ms);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "kntrl/" KNTRL_VERSION);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, discard);
	curl_easy_setopt(e, CURLOPT_PRIVATE, d);
	curl_multi_add_handle(w->multi, e);
	d->attempts++;
	d->under_way = true;
	d->hook->under_way++;
}

static void queue_remove(struct work *w, struct delivery *d)
{
	struct hook *h = d->hook;
	struct delivery **at = &h->first;

	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	if (!d->next)
		h->last = at;
	h->waiting--;
	count(&w->counts->waiting, -1);
	free(d->body);
	free(d);
}

static bool is_worth_another(CURLcode code, long status)
{
	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
		return false;
	return code != CURLE_OK || status >= 500 || status == 429;
}

/* Half of the time to half more than that, by chance; or what the endpoint asks for. */
static void later(struct delivery *d, int64_t asked)
{
	int64_t wait = (int64_t)BACK_OFF_MS << (d->attempts - 1);
	uint16_t jitter = 0;

	if (getrandom(&jitter, sizeof(jitter), 0) != sizeof(jitter))
		jitter = 0;
	wait = wait / 2 + wait * jitter / 65536;
	if (wait < asked)
		wait = asked < BACK_OFF_MAX_MS ? asked : BACK_OFF_MAX_MS;
	d->due = now_ms() + wait;
}

static void complain(struct work *w, const struct delivery *d, CURLcode code, long status)
{
	const struct webhook_rule *rule = d->hook->rule;

	if (code != CURLE_OK)
		log_warn(PLACE "an event is lost after %d attempts: %s", PLACE_OF(w->policy, rule),
			 d->attempts, curl_easy_strerror(code));
	else
		log_warn(PLACE "an event is lost after %d attempts: HTTP status %ld",
			 PLACE_OF(w->policy, rule), d->attempts, status);
}

static void finished(struct work *w, CURL *easy, CURLcode code)
{
	curl_off_t after = 0;
	struct delivery *d;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&d);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &after);
	curl_multi_remove_handle(w->multi, easy);
	curl_easy_cleanup(easy);
	d->under_way = false;
	d->hook->under_way--;
	if (code == CURLE_OK && status >= 200 && status < 300) {
		count(&w->counts->sent, 1);
	} else if (is_worth_another(code, status) && d->attempts < ATTEMPTS) {
		later(d, after * 1000);
		return;
	} else {
		count(&w->counts->failed, 1);
		complain(w, d, code, status);
	}
	queue_remove(w, d);
}

/* ---- What the agent gives ---- */

static void queue_add(struct work *w, struct hook *h, const char *type, const char *json)
{
	time_t now = time(NULL);
	struct delivery *d;
	char when[32];
	struct tm tm;

	if (h->waiting == QUEUE_MAX) {
		count(&w->counts->dropped, 1);
		if (!h->said)
			log_warn(PLACE "more events than can be delivered; some are dropped",
				 PLACE_OF(w->policy, h->rule));
		h->said = true;
		return;
	}
	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	d = xcalloc(1, sizeof(*d));
	d->hook = h;
	if (asprintf(&d->body, "{\"type\":\"%s\",\"timestamp\":\"%s\",\"data\":%s}", type, when,
		     json) < 0)
		abort();
	*h->last = d;
	h->last = &d->next;
	h->waiting++;
	count(&w->counts->waiting, 1);
}

/* False: the agent has ended. */
static bool take(struct work *w, int socket)
{
	static char text[EVENT_MAX];
	ssize_t n;
	size_t i;

	while ((n = recv(socket, text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
		text[n] = 0;
		for (i = 0; i < w->nhooks; i++)
			if (w->hooks[i].rule->filter & (unsigned char)text[0])
				queue_add(w, &w->hooks[i], text[0] == HOOK_BLOCK ? "block" : "pass",
					  text + 1);
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* ---- The sender's life ---- */

/* Starts what is due; how many ms until the next is, -1: none waits for its time. */
static int start_due(struct work *w)
{
	int64_t now = now_ms(), next = -1;
	struct delivery *d;
	size_t i;

	for (i = 0; i < w->nhooks; i++) {
		for (d = w->hooks[i].first; d && w->hooks[i].under_way < AT_ONCE; d = d->next) {
			if (d->under_way)
				continue;
			if (d->due <= now)
				attempt(w, d);
			else if (next < 0 || d->due - now < next)
				next = d->due - now;
		}
	}
	return next;
}

static bool is_idle(struct work *w)
{
	size_t i;

	for (i = 0; i < w->nhooks; i++)
		if (w->hooks[i].first)
			return false;
	for (i = 0; i < w->nhooks; i++)
		w->hooks[i].said = false;
	return true;
}

/* Sleeps until an endpoint answers, a delivery is due in @wait ms, or the agent gives more. */
static void rest(struct work *w, int socket, int wait)
{
	struct curl_waitfd more = { .fd = socket, .events = CURL_WAIT_POLLIN };
	struct pollfd idle = { .fd = socket, .events = POLLIN };

	if (is_idle(w))
		poll(&idle, 1, -1);
	else
		curl_multi_poll(w->multi, &more, socket >= 0, wait < 0 ? 1000 : wait, NULL);
}

static void serve(struct work *w, int socket)
{
	int64_t end = 0;
	int left, wait;
	CURLMsg *m;

	while (socket >= 0 || (!is_idle(w) && now_ms() < end)) {
		wait = start_due(w);
		curl_multi_perform(w->multi, &left);
		while ((m = curl_multi_info_read(w->multi, &left))) {
			finished(w, m->easy_handle, m->data.result);
			wait = 0;
		}
		if (socket < 0 && is_idle(w))
			break;
		rest(w, socket, wait);
		if (socket >= 0 && !take(w, socket)) {
			socket = -1;
			end = now_ms() + END_MS;
		}
	}
}

static void sender(const struct policy_src *p, struct webhook_counts *counts, int socket)
{
	struct work w = { .policy = p, .counts = counts, .nhooks = p->webhooks.n };
	size_t i;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	w.multi = curl_multi_init();
	w.hooks = xcalloc(w.nhooks, sizeof(*w.hooks));
	for (i = 0; i < w.nhooks; i++) {
		w.hooks[i].rule = &p->webhooks.v[i];
		w.hooks[i].headers = headers_of(w.hooks[i].rule);
		w.hooks[i].last = &w.hooks[i].first;
	}
	serve(&w, socket);
	for (i = 0; i < w.nhooks; i++) {
		count(&counts->failed, w.hooks[i].waiting);
		count(&counts->waiting, -w.hooks[i].waiting);
	}
}

/* Exempt from the policy, and, as it talks to strangers, with no rights. */
static void confine(void)
{
	const struct loading loading = {
		.scope = { .kind = SCOPE_TREE, .pid = getpid() }, .token_file = token_file,
	};

	if (load_apart(load_exempt, &loading))
		log_warn("webhooks are posted to as far as the policy allows it");
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY)) {
		log_error("webhooks: %s", strerror(errno));
		_exit(1);
	}
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* ---- The agent's side ---- */

static struct webhook_counts *counts_open(void)
{
	int fd = open(WEBHOOK_FILE, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	void *counts = MAP_FAILED;

	if (fd >= 0 && !ftruncate(fd, sizeof(struct webhook_counts)))
		counts = mmap(NULL, sizeof(struct webhook_counts), PROT_READ | PROT_WRITE,
			      MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	return counts == MAP_FAILED ? NULL : counts;
}

static void sender_life(const struct policy_src *p, struct webhook_counts *counts, int socket)
{
	sigset_t none;

	confine();
	/* No lock, map or stream of the agent's may outlive it here. */
	dup2(socket, STDIN_FILENO);
	close_range(3, ~0U, 0);
	sigemptyset(&none);
	sigaddset(&none, SIGINT);	/* of the terminal: the agent ends first, and then we */
	sigprocmask(SIG_SETMASK, &none, NULL);
	sender(p, counts, STDIN_FILENO);
	_exit(0);
}

int sender_start(struct sender *s, const struct policy_src *p)
{
	int pair[2];

	sender_dismiss(s);
	if (!p->webhooks.n)
		return 0;
	if (!s->counts)
		s->counts = counts_open();
	if (!s->counts || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		log_error("webhooks: %s", strerror(errno));
		return -1;
	}
	s->pid = fork();
	if (!s->pid) {
		close(pair[0]);
		sender_life(p, s->counts, pair[1]);
	}
	close(pair[1]);
	s->socket = pair[0];
	if (s->pid > 0)
		return 0;
	log_error("webhooks: %s", strerror(errno));
	sender_dismiss(s);
	return -1;
}

void sender_dismiss(struct sender *s)
{
	if (s->socket >= 0)
		close(s->socket);
	s->socket = -1;
	s->pid = 0;
}

void sender_end(struct sender *s)
{
	struct pollfd gone = { .fd = s->socket };

	if (s->pid > 0) {
		shutdown(s->socket, SHUT_WR);
		if (poll(&gone, 1, END_MS + 1000) != 1)
			kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	sender_dismiss(s);
	if (s->counts)
		unlink(WEBHOOK_FILE);
}

void sender_give(struct sender *s, unsigned int kind, const char *json, size_t len)
{
	char text[EVENT_MAX];

	if (s->socket < 0)
		return;
	while (len && json[len - 1] == '\n')
		len--;
	if (len < sizeof(text) - 1) {
		text[0] = kind;
		memcpy(text + 1, json, len);
		if (send(s->socket, text, len + 1, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return;
	}
	count(&s->counts->dropped, 1);
}

int webhooks_counted(struct webhook_counts *c)
{
	int fd = open(WEBHOOK_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), err;

	if (fd < 0)
		return -1;
	err = pread(fd, c, sizeof(*c), 0) == sizeof(*c) ? 0 : -1;
	close(fd);
	return err;
}
