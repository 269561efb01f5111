#include "inventory_read.h"
#include "below.h"
#include "os_read.h"
#include "str.h"
#include "version.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ADDRESS = 64, TEXT = MAX_TEXT + 1 };

struct inventory_texts {
	char host_name[TEXT], domain[TEXT], directory_path[TEXT], os_name[TEXT], kernel[TEXT];
	char addresses[MAX_ADDRESSES][MAX_ADDRESS];
};

int inventory_new(struct inventory_texts **ret)
{
	struct inventory_texts *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	*ret = t;
	return 0;
}

void inventory_free(struct inventory_texts *t)
{
	free(t);
}

/* A name that is no text is sent all the same, its bad bytes written out, so that somebody can find the machine. */
static void copy_as_text(char *dst, size_t size, const char *src)
{
	size_t n = 0;
	bool whole = utf8_valid(src, strlen(src));
	for (; *src && n + 5 < size; src++) {
		unsigned char c = (unsigned char)*src;
		if (c < 0x20 || c == 0x7f || (!whole && c >= 0x80))
			n += (size_t)snprintf(dst + n, size - n, "\\x%02x", c);
		else
			dst[n++] = (char)c;
	}
	dst[n] = 0;
	while (!utf8_valid(dst, n)) /* cut in the middle of a letter */
		dst[--n] = 0;
}

static void read_names(int root, struct inventory_texts *t)
{
	char name[TEXT];
	if (below_text(root, "proc/sys/kernel/hostname", name, sizeof name) || !*name)
		below_text(root, "etc/hostname", name, sizeof name);
	char *dot = strchr(name, '.');
	char found[TEXT] = "";
	os_domain(root, found, sizeof found);
	if (dot) { /* a full name: its rest is the domain when nothing better says so */
		*dot = 0;
		if (!*found)
			str_copy(found, sizeof found, dot + 1);
	}
	copy_as_text(t->host_name, MAX_HOST_NAME + 1, name);
	copy_as_text(t->domain, sizeof t->domain, found);
	os_directory_path(root, name, found, sizeof found);
	copy_as_text(t->directory_path, sizeof t->directory_path, found);
}

static bool is_of_use(const struct ifaddrs *a)
{
	if (!a->ifa_addr || a->ifa_flags & IFF_LOOPBACK || !(a->ifa_flags & IFF_UP))
		return false;
	if (a->ifa_addr->sa_family == AF_INET)
		return true;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a->ifa_addr;
	return a->ifa_addr->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Sorted, so that the same addresses are the same state whatever order the kernel has them in. */
static void read_addresses(struct inventory_texts *t, struct inventory *v)
{
	struct ifaddrs *all = NULL;
	size_t n = 0;
	if (getifaddrs(&all))
		all = NULL;
	for (const struct ifaddrs *a = all; a && n < MAX_ADDRESSES; a = a->ifa_next) {
		if (!is_of_use(a))
			continue;
		bool four = a->ifa_addr->sa_family == AF_INET;
		const void *raw = four ? (const void *)&((struct sockaddr_in *)a->ifa_addr)->sin_addr
		                       : (const void *)&((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr;
		if (inet_ntop(a->ifa_addr->sa_family, raw, t->addresses[n], MAX_ADDRESS))
			n++;
	}
	freeifaddrs(all);
	qsort(t->addresses, n, MAX_ADDRESS, by_text);
	v->n_addresses = n;
	for (size_t i = 0; i < n; i++)
		v->addresses[i] = t->addresses[i];
}

void inventory_read(int root, struct inventory_texts *t, struct inventory *ret)
{
	char text[TEXT];
	struct inventory v = {.host_name = t->host_name,
	    .domain = t->domain,
	    .directory_path = t->directory_path,
	    .os_name = t->os_name,
	    .os_kind = "linux",
	    .kernel = t->kernel,
	    .agent_version = KHIEN_VERSION};
	read_names(root, t);
	os_name(root, text, sizeof text);
	copy_as_text(t->os_name, sizeof t->os_name, text);
	below_text(root, "proc/sys/kernel/osrelease", text, sizeof text);
	copy_as_text(t->kernel, sizeof t->kernel, text);
	read_addresses(t, &v);
	os_patches(root, &v.patches_pending, &v.security_patches_pending);
	v.firewall = os_firewall(root);
	v.restart_needed = os_restart_needed(root);
	v.memory_bytes = os_memory(root);
	v.cpus = os_cpus(root);
	*ret = v;
}
