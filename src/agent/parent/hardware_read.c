#include "hardware_read.h"
#include "below.h"
#include "str.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MAX_VALUE = 256, MAX_SYS_PATH = 512 };

/* Seen in the field; compared without case. */
static const char *const fillers[] = {"to be filled by o.e.m.", "to be filled by oem", "to be set by oem",
    "default string", "default", "none", "null", "<null>", "(null)", "n/a", "na", "not specified", "not available",
    "not applicable", "not present", "unknown", "invalid", "empty", "undefined", "system serial number",
    "base board serial number", "board serial number", "chassis serial number", "serial number", "serial", "sernum",
    "oem", "o.e.m.", "xxx", "test", "0123456789", "123456789", "1234567890", "12345678", "0123456789abcdef",
    "123456789abcdef", "03000200-0400-0500-0006-000700080009", "00020003-0004-0005-0006-000700080009",
    "12345678-1234-5678-90ab-cddeefaabbcc", "fefefefe-fefe-fefe-fefe-fefefefefefe"};

/* Makers of virtual cards: an address of theirs is made up, and made up anew when the machine is copied. */
static const char *const virtual_makers[] = {"00:05:69", "00:0c:29", "00:1c:14", "00:50:56", "08:00:27", "0a:00:27",
    "00:15:5d", "00:16:3e", "00:1c:42", "00:03:ff", "00:0f:4b"};

static bool in_list(const char *const *list, size_t n, const char *value)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(list[i], value) == 0)
			return true;
	return false;
}

/* One character alone, whatever stands between: "0000-0000", "FF:FF:FF", "......". */
static bool is_uniform(const char *value)
{
	char only = 0;
	size_t n = 0;
	for (; *value; value++) {
		if (strchr("-: ._", *value))
			continue;
		if (only && tolower((unsigned char)*value) != only)
			return false;
		only = (char)tolower((unsigned char)*value);
		n++;
	}
	return n > 0 || only == 0;
}

static bool is_made_up_mac(const char *value)
{
	unsigned char b[6];
	char hex[13];
	size_t n = 0;
	for (const char *p = value; *p && n < 12; p++)
		if (*p != ':')
			hex[n++] = *p;
	hex[n] = 0;
	if (strlen(value) != 17 || n != 12 || hex_decode(b, 6, hex))
		return true;
	if (b[0] & 3) /* locally administered, or a group's */
		return true;
	for (size_t i = 0; i < sizeof virtual_makers / sizeof *virtual_makers; i++)
		if (strncasecmp(value, virtual_makers[i], 8) == 0)
			return true;
	return false;
}

/* QEMU numbers its disks from QM00001 on in every machine. */
static bool is_emulated_disk(const char *value)
{
	return strstr(value, "QEMU") || strncmp(value, "QM0000", 6) == 0 || strncmp(value, "drive-", 6) == 0 ||
	       strncmp(value, "VBOX", 4) == 0;
}

bool hardware_is_filler(enum hw_kind kind, const char *value)
{
	if (strlen(value) < 4 || is_uniform(value) || in_list(fillers, sizeof fillers / sizeof *fillers, value))
		return true;
	if (kind == HW_MAC)
		return is_made_up_mac(value);
	if (kind == HW_DISK_SERIAL)
		return is_emulated_disk(value);
	return (kind == HW_SMBIOS_UUID && strlen(value) != 36) || (kind == HW_MACHINE_ID && strlen(value) != 32);
}

struct hw_value hardware_value(enum hw_kind kind, const char *value)
{
	struct hw_value v = {.kind = kind};
	unsigned char text[1 + MAX_VALUE];
	size_t n = strlen(value);
	while (n && isspace((unsigned char)*value)) {
		value++;
		n--;
	}
	while (n && isspace((unsigned char)value[n - 1]))
		n--;
	if (n > MAX_VALUE)
		n = MAX_VALUE;
	text[0] = (unsigned char)kind;
	for (size_t i = 0; i < n; i++)
		text[i + 1] = (unsigned char)tolower((unsigned char)value[i]);
	crypto_generichash(v.digest.b, sizeof v.digest.b, text, n + 1, NULL, 0);
	return v;
}

static void take(struct hardware *h, enum hw_kind kind, const char *value)
{
	if (h->n < MAX_HW_VALUES && !hardware_is_filler(kind, value))
		h->v[h->n++] = hardware_value(kind, value);
}

struct reading {
	int root;
	struct hardware *h;
};

/* A thing on USB goes from computer to computer: it says nothing about this one. */
static bool is_movable(int root, const char *folder, const char *name)
{
	char path[MAX_SYS_PATH], target[MAX_SYS_PATH];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	below_link(root, path, target, sizeof target);
	if (strstr(target, "/usb"))
		return true;
	snprintf(path, sizeof path, "%s/%s/removable", folder, name);
	below_text(root, path, target, sizeof target);
	return strcmp(target, "1") == 0;
}

static bool is_disk(const char *name)
{
	static const char *const others[] = {
	    "loop", "ram", "zram", "dm-", "md", "sr", "fd", "nbd", "drbd", "rbd", "mtd"};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strncmp(name, others[i], strlen(others[i])) == 0)
			return false;
	return true;
}

/* The serial number where the kernel shows it, else the name that the disk has in the world. */
static void take_disk(void *arg, const char *name)
{
	static const char *const places[] = {"device/serial", "serial", "device/wwid", "wwid"};
	struct reading *r = arg;
	char path[MAX_SYS_PATH], value[MAX_VALUE];
	if (!is_disk(name) || is_movable(r->root, "sys/block", name))
		return;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		snprintf(path, sizeof path, "sys/block/%s/%s", name, places[i]);
		if (below_text(r->root, path, value, sizeof value) == 0 && !hardware_is_filler(HW_DISK_SERIAL, value)) {
			take(r->h, HW_DISK_SERIAL, value);
			return;
		}
	}
}

/* A card of metal has a device; an address that somebody has set (a bridge's, a private one) is not the card's. */
static void take_card(void *arg, const char *name)
{
	struct reading *r = arg;
	char path[MAX_SYS_PATH], value[MAX_VALUE];
	snprintf(path, sizeof path, "sys/class/net/%s/device", name);
	if (!below_exists(r->root, path) || is_movable(r->root, "sys/class/net", name))
		return;
	snprintf(path, sizeof path, "sys/class/net/%s/addr_assign_type", name);
	if (below_text(r->root, path, value, sizeof value) == 0 && strcmp(value, "0") != 0)
		return;
	snprintf(path, sizeof path, "sys/class/net/%s/address", name);
	if (below_text(r->root, path, value, sizeof value) == 0)
		take(r->h, HW_MAC, value);
}

void hardware_read(int root, struct hardware *ret)
{
	static const struct {
		enum hw_kind kind;
		const char *path;
	} single[] = {
	    {HW_SMBIOS_UUID, "sys/class/dmi/id/product_uuid"},
	    {HW_BOARD_SERIAL, "sys/class/dmi/id/board_serial"},
	    {HW_MACHINE_ID, "etc/machine-id"},
	};
	struct hardware h = {0};
	struct reading reading = {root, &h};
	char value[MAX_VALUE];
	for (size_t i = 0; i < sizeof single / sizeof *single; i++)
		if (below_text(root, single[i].path, value, sizeof value) == 0)
			take(&h, single[i].kind, value);
	below_each(root, "sys/block", take_disk, &reading);
	below_each(root, "sys/class/net", take_card, &reading);
	hw_normalize(&h);
	*ret = h;
}
