#include "os_read.h"
#include "below.h"
#include "str.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SMALL_FILE = 256 * 1024 };

void os_name(int root, char *dst, size_t size)
{
	if (!below_setting(root, "etc/os-release", "", "PRETTY_NAME", dst, size))
		below_setting(root, "usr/lib/os-release", "", "PRETTY_NAME", dst, size);
}

static void lower(char *s)
{
	for (; *s; s++)
		*s = (char)tolower((unsigned char)*s);
}

void os_domain(int root, char *dst, size_t size)
{
	char *comma;
	if (below_setting(root, "etc/sssd/sssd.conf", "sssd", "domains", dst, size)) {
		comma = strpbrk(dst, ", ");
		if (comma)
			*comma = 0;
	} else {
		below_setting(root, "etc/krb5.conf", "libdefaults", "default_realm", dst, size);
	}
	lower(dst);
}

/* realmd.conf has a section for each domain, "[ad.example.vn]", with "computer-ou = OU=…"; a name without its own
 * section means the default of "[active-directory]". */
void os_directory_path(int root, const char *host_name, char *dst, size_t size)
{
	char domain[MAX_TEXT], ou[MAX_TEXT];
	dst[0] = 0;
	os_domain(root, domain, sizeof domain);
	if (!*domain)
		return;
	if (!below_setting(root, "etc/realmd.conf", domain, "computer-ou", ou, sizeof ou) &&
	    !below_setting(root, "etc/realmd.conf", "active-directory", "computer-ou", ou, sizeof ou))
		return;
	if ((size_t)snprintf(dst, size, "CN=%s,%s", host_name, ou) >= size)
		dst[0] = 0;
}

/* "12 updates can be applied immediately." and "3 of these updates are standard security updates.", or the older
 * "12 packages can be updated." and "3 updates are security updates."; -1 when there is no such line. */
static int32_t number_before(const char *text, const char *const *words, size_t n)
{
	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char *end;
		long v = strtol(line, &end, 10);
		for (size_t i = 0; end != line && v >= 0 && v < 100000 && i < n; i++)
			if (strncmp(end, words[i], strlen(words[i])) == 0)
				return (int32_t)v;
	}
	return -1;
}

void os_patches(int root, int32_t *ret_pending, int32_t *ret_security)
{
	static const char *const all[] = {
	    " updates can be applied", " update can be applied", " packages can be updated", " package can be updated"};
	static const char *const security[] = {" of these updates are standard security",
	    " of these updates is a standard security", " updates are security updates", " update is a security update",
	    " of these updates are security"};
	struct buf b = BUF_INIT(MAX_SMALL_FILE);
	*ret_pending = *ret_security = -1;
	if (below_read(root, "var/lib/update-notifier/updates-available", &b) == 0) {
		*ret_pending = number_before(buf_str(&b), all, sizeof all / sizeof *all);
		*ret_security = number_before(buf_str(&b), security, sizeof security / sizeof *security);
		if (*ret_pending >= 0 && *ret_security < 0)
			*ret_security = 0; /* the line is left out when there is none */
	}
	buf_release(&b);
}

static bool file_says(int root, const char *path, const char *word)
{
	struct buf b = BUF_INIT(MAX_SMALL_FILE);
	bool so = below_read(root, path, &b) == 0 && strstr(buf_str(&b), word);
	buf_release(&b);
	return so;
}

/* On: a manager of rules says so and runs. Off: the kernel has no filter at all. Between them (rules that somebody has
 * loaded by hand, a filter built in) nothing is claimed. */
enum tristate os_firewall(int root)
{
	char value[64];
	if (below_setting(root, "etc/ufw/ufw.conf", "", "ENABLED", value, sizeof value) && strcmp(value, "yes") == 0)
		return TRI_YES;
	if (below_exists(root, "run/firewalld") || below_exists(root, "run/firewalld.pid"))
		return TRI_YES;
	if (below_exists(root, "etc/systemd/system/sysinit.target.wants/nftables.service") &&
	    file_says(root, "etc/nftables.conf", "hook input"))
		return TRI_YES;
	if (!below_exists(root, "proc/modules"))
		return TRI_UNKNOWN;
	bool nft = below_exists(root, "sys/module/nf_tables") || file_says(root, "proc/modules", "nf_tables ");
	bool old = below_exists(root, "sys/module/ip_tables") || file_says(root, "proc/modules", "ip_tables ") ||
	           below_exists(root, "proc/net/ip_tables_names");
	return nft || old ? TRI_UNKNOWN : TRI_NO;
}

struct kernels {
	char running[MAX_TEXT], newest[MAX_TEXT];
	bool running_is_there; /* else it was started from elsewhere, and the folder says nothing about it */
};

static void note_kernel(void *arg, const char *name)
{
	struct kernels *k = arg;
	if (strncmp(name, "vmlinuz-", 8) != 0)
		return;
	k->running_is_there |= strcmp(name + 8, k->running) == 0;
	if (strverscmp(name + 8, k->newest) > 0)
		str_copy(k->newest, sizeof k->newest, name + 8);
}

enum tristate os_restart_needed(int root)
{
	struct kernels k = {0};
	if (below_exists(root, "run/reboot-required") || below_exists(root, "var/run/reboot-required"))
		return TRI_YES;
	below_text(root, "proc/sys/kernel/osrelease", k.running, sizeof k.running);
	below_each(root, "boot", note_kernel, &k);
	if (!k.running_is_there)
		return TRI_UNKNOWN;
	return strcmp(k.newest, k.running) == 0 ? TRI_NO : TRI_YES;
}

int64_t os_memory(int root)
{
	char text[4096];
	below_text(root, "proc/meminfo", text, sizeof text);
	const char *p = strstr(text, "MemTotal:");
	return p ? strtoll(p + 9, NULL, 10) * 1024 : 0;
}

/* "0-3,8-11" */
int32_t os_cpus(int root)
{
	char text[1024], *p = text, *end;
	long n = 0;
	below_text(root, "sys/devices/system/cpu/online", text, sizeof text);
	for (;; p = end + 1) {
		long first = strtol(p, &end, 10), last = first;
		if (end == p)
			break;
		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		if (first < 0 || last < first || last > 1 << 20)
			return 0;
		n += last - first + 1;
		if (*end != ',')
			break;
	}
	return (int32_t)n;
}
