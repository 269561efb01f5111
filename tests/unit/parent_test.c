#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "below.h"
#include "buf.h"
#include "enrol_token.h"
#include "hardware_read.h"
#include "agent_identity.h"
#include "inventory_read.h"
#include "os_read.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a computer's files in a folder ---- */

static char top[] = "/tmp/khien-parent-XXXXXX";
static char dir[64];
static int root = -1, serial;

static void write_file(const char *path, const char *text)
{
	char full[512];
	snprintf(full, sizeof full, "%s/%s", dir, path);
	for (char *p = full + strlen(dir) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		assert_true(mkdir(full, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
	int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void link_file(const char *path, const char *target)
{
	char full[512];
	write_file(path, "");
	snprintf(full, sizeof full, "%s/%s", dir, path);
	assert_int_equal(unlink(full), 0);
	assert_int_equal(symlink(target, full), 0);
}

static int new_root(void **state)
{
	(void)state;
	if (root >= 0)
		close(root);
	snprintf(dir, sizeof dir, "%s/%d", top, serial++);
	if (mkdir(dir, 0755) < 0)
		return -1;
	root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int make_top(void **state)
{
	(void)state;
	return sodium_init() < 0 || !mkdtemp(top) ? -1 : 0;
}

static int drop_top(void **state)
{
	(void)state;
	close(root);
	return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- hardware ---- */

static size_t count(const struct hardware *h, enum hw_kind kind)
{
	size_t n = 0;
	for (size_t i = 0; i < h->n; i++)
		n += h->v[i].kind == kind;
	return n;
}

static bool has(const struct hardware *h, enum hw_kind kind, const char *value)
{
	struct hw_value v = hardware_value(kind, value);
	for (size_t i = 0; i < h->n; i++)
		if (h->v[i].kind == kind && memcmp(h->v[i].digest.b, v.digest.b, ID_BYTES) == 0)
			return true;
	return false;
}

static void a_whole_computer_is_read(void **state)
{
	(void)state;
	struct hardware h;
	write_file("sys/class/dmi/id/product_uuid", "4C4C4544-0042-3510-8051-B4C04F303332\n");
	write_file("sys/class/dmi/id/board_serial", "/7BXYZ12/CNWS2008AB0123/\n");
	write_file("sys/block/sda/device/wwid", "naa.5000c500a1b2c3d4\n");
	write_file("sys/block/nvme0n1/device/serial", "S4EVNF0M123456      \n");
	write_file("sys/block/loop0/serial", "LOOPY123\n");
	write_file("sys/class/net/eno1/device/vendor", "0x8086\n");
	write_file("sys/class/net/eno1/address", "a4:bb:6d:12:34:56\n");
	write_file("sys/class/net/eno1/addr_assign_type", "0\n");
	write_file("sys/class/net/lo/address", "00:00:00:00:00:00\n");
	write_file("sys/class/net/docker0/address", "a4:bb:6d:99:99:99\n"); /* no device: not of metal */
	write_file("etc/machine-id", "0123456789abcdef0123456789abcdee\n");
	hardware_read(root, &h);
	assert_int_equal(h.n, 6);
	assert_true(has(&h, HW_SMBIOS_UUID, "4c4c4544-0042-3510-8051-b4c04f303332"));
	assert_true(has(&h, HW_BOARD_SERIAL, "/7BXYZ12/CNWS2008AB0123/"));
	assert_true(has(&h, HW_DISK_SERIAL, "naa.5000c500a1b2c3d4"));
	assert_true(has(&h, HW_DISK_SERIAL, "S4EVNF0M123456"));
	assert_true(has(&h, HW_MAC, "A4:BB:6D:12:34:56"));
	assert_int_equal(count(&h, HW_MACHINE_ID), 1);
}

static void what_comes_and_goes_is_left_out(void **state)
{
	(void)state;
	struct hardware h;
	write_file("sys/devices/pci0000:00/usb1/1-1/block/sdb/device/serial", "USBSTICK1\n");
	link_file("sys/block/sdb", "../devices/pci0000:00/usb1/1-1/block/sdb");
	write_file("sys/block/sdc/removable", "1\n");
	write_file("sys/block/sdc/device/serial", "CARDREADER9\n");
	write_file("sys/class/net/enx0/device/vendor", "x\n");
	write_file("sys/class/net/enx0/address", "a4:bb:6d:12:34:57\n");
	write_file("sys/class/net/enx0/addr_assign_type", "3\n"); /* somebody has set it */
	hardware_read(root, &h);
	assert_int_equal(h.n, 0);
}

static void fillers_are_absent(void **state)
{
	(void)state;
	static const struct {
		enum hw_kind kind;
		const char *value;
	} fillers[] = {
	    {HW_BOARD_SERIAL, "To be filled by O.E.M."},
	    {HW_BOARD_SERIAL, "TO BE FILLED BY O.E.M."},
	    {HW_BOARD_SERIAL, "Default string"},
	    {HW_BOARD_SERIAL, "None"},
	    {HW_BOARD_SERIAL, "N/A"},
	    {HW_BOARD_SERIAL, "Not Specified"},
	    {HW_BOARD_SERIAL, "0000000000"},
	    {HW_BOARD_SERIAL, "..............."},
	    {HW_BOARD_SERIAL, "0123456789"},
	    {HW_BOARD_SERIAL, "x"},
	    {HW_BOARD_SERIAL, ""},
	    {HW_SMBIOS_UUID, "00000000-0000-0000-0000-000000000000"},
	    {HW_SMBIOS_UUID, "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"},
	    {HW_SMBIOS_UUID, "03000200-0400-0500-0006-000700080009"},
	    {HW_SMBIOS_UUID, "Not Settable"},
	    {HW_MAC, "00:00:00:00:00:00"},
	    {HW_MAC, "ff:ff:ff:ff:ff:ff"},
	    {HW_MAC, "52:54:00:12:34:56"}, /* locally administered: QEMU */
	    {HW_MAC, "00:50:56:ab:cd:ef"}, /* VMware */
	    {HW_MAC, "08:00:27:ab:cd:ef"}, /* VirtualBox */
	    {HW_MAC, "00:15:5D:ab:cd:ef"}, /* Hyper-V */
	    {HW_MAC, "01:00:5e:00:00:01"}, /* a group's */
	    {HW_MAC, "a4:bb:6d:12:34"},
	    {HW_DISK_SERIAL, "QM00001"},
	    {HW_DISK_SERIAL, "t10.ATA     QEMU HARDDISK                           QM00002"},
	    {HW_MACHINE_ID, "uninitialized"},
	};
	for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++)
		if (!hardware_is_filler(fillers[i].kind, fillers[i].value))
			fail_msg("not seen as a filler: %s", fillers[i].value);
	assert_false(hardware_is_filler(HW_BOARD_SERIAL, "0000000001"));
	assert_false(hardware_is_filler(HW_MAC, "a4:bb:6d:12:34:56"));
	assert_false(hardware_is_filler(HW_DISK_SERIAL, "WD-WCC4E1234567"));
	struct hardware h;
	write_file("sys/class/dmi/id/product_uuid", "00000000-0000-0000-0000-000000000000\n");
	write_file("sys/class/dmi/id/board_serial", "Default string\n");
	hardware_read(root, &h);
	assert_int_equal(h.n, 0);
}

static void kinds_do_not_mix_and_space_does_not_count(void **state)
{
	(void)state;
	struct hw_value a = hardware_value(HW_BOARD_SERIAL, "AB12345"), b = hardware_value(HW_DISK_SERIAL, "AB12345");
	struct hw_value c = hardware_value(HW_BOARD_SERIAL, "  ab12345 \n");
	assert_memory_not_equal(a.digest.b, b.digest.b, ID_BYTES);
	assert_memory_equal(a.digest.b, c.digest.b, ID_BYTES);
}

/* ---- inventory ---- */

static void the_inventory_is_read(void **state)
{
	(void)state;
	struct inventory_texts *texts = NULL;
	struct inventory v;
	write_file("proc/sys/kernel/hostname", "may-01.so-y-te.dongthap.gov.vn\n");
	write_file("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
	write_file("proc/meminfo", "MemTotal:        8052740 kB\nMemFree: 1 kB\n");
	write_file("sys/devices/system/cpu/online", "0-3,8\n");
	write_file("usr/lib/os-release", "NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
	link_file("etc/os-release", "/usr/lib/os-release"); /* absolute, and below the root all the same */
	write_file("etc/sssd/sssd.conf", "[sssd]\ndomains = AD.DongThap.gov.vn, other\n[domain/AD.DongThap.gov.vn]\n");
	write_file(
	    "etc/realmd.conf", "[service]\nx = y\n[ad.dongthap.gov.vn]\ncomputer-ou = OU=Linux,DC=ad,DC=dongthap\n");
	write_file("var/lib/update-notifier/updates-available",
	    "\n12 updates can be applied immediately.\n3 of these updates are standard security updates.\n");
	write_file("run/reboot-required", "");
	write_file("etc/ufw/ufw.conf", "# x\nENABLED=yes\n");
	assert_int_equal(inventory_new(&texts), 0);
	inventory_read(root, texts, &v);
	assert_string_equal(v.host_name, "may-01");
	assert_string_equal(v.domain, "ad.dongthap.gov.vn");
	assert_string_equal(v.directory_path, "CN=may-01,OU=Linux,DC=ad,DC=dongthap");
	assert_string_equal(v.os_name, "Debian GNU/Linux 12 (bookworm)");
	assert_string_equal(v.os_kind, "linux");
	assert_string_equal(v.kernel, "6.1.0-18-amd64");
	assert_true(v.memory_bytes == INT64_C(8052740) * 1024);
	assert_int_equal(v.cpus, 5);
	assert_int_equal(v.patches_pending, 12);
	assert_int_equal(v.security_patches_pending, 3);
	assert_int_equal(v.restart_needed, TRI_YES);
	assert_int_equal(v.firewall, TRI_YES);
	inventory_free(texts);
}

static void unknown_is_said_to_be_unknown(void **state)
{
	(void)state;
	struct inventory_texts *texts = NULL;
	struct inventory v;
	assert_int_equal(inventory_new(&texts), 0);
	inventory_read(root, texts, &v);
	assert_string_equal(v.host_name, "");
	assert_string_equal(v.domain, "");
	assert_string_equal(v.directory_path, "");
	assert_int_equal(v.patches_pending, -1);
	assert_int_equal(v.security_patches_pending, -1);
	assert_int_equal(v.restart_needed, TRI_UNKNOWN);
	assert_int_equal(v.firewall, TRI_UNKNOWN);
	assert_int_equal(v.memory_bytes, 0);
	assert_int_equal(v.cpus, 0);
	write_file("etc/hostname", "caf\xe9\n"); /* no text */
	inventory_read(root, texts, &v);
	assert_string_equal(v.host_name, "caf\\xe9");
	write_file("etc/hostname", "m\xc3\xa1y-01\n");
	write_file("etc/krb5.conf", "[libdefaults]\n default_realm = X.VN\n");
	inventory_read(root, texts, &v);
	assert_string_equal(v.host_name, "m\xc3\xa1y-01");
	assert_string_equal(v.domain, "x.vn");
	inventory_free(texts);
}

static void three_answers_to_each_question(void **state)
{
	(void)state;
	int32_t all, security;
	write_file("proc/modules", "ext4 1 1 - Live 0x0\n");
	assert_int_equal(os_firewall(root), TRI_NO);
	write_file("proc/modules", "nf_tables 303104 0 - Live 0x0\n");
	assert_int_equal(os_firewall(root), TRI_UNKNOWN);
	write_file("etc/nftables.conf",
	    "table inet filter {\n chain input { type filter hook input priority 0; policy drop; } }\n");
	assert_int_equal(os_firewall(root), TRI_UNKNOWN); /* written, but nobody loads it */
	link_file("etc/systemd/system/sysinit.target.wants/nftables.service", "/lib/systemd/system/nftables.service");
	write_file("lib/systemd/system/nftables.service", "x");
	assert_int_equal(os_firewall(root), TRI_YES);

	write_file("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
	write_file("boot/vmlinuz-6.1.0-18-amd64", "");
	assert_int_equal(os_restart_needed(root), TRI_NO);
	write_file("boot/vmlinuz-6.1.0-9-amd64", "");
	assert_int_equal(os_restart_needed(root), TRI_NO);
	write_file("boot/vmlinuz-6.1.0-20-amd64", "");
	assert_int_equal(os_restart_needed(root), TRI_YES);
	write_file("proc/sys/kernel/osrelease", "5.15-container\n");
	assert_int_equal(os_restart_needed(root), TRI_UNKNOWN);

	write_file("var/lib/update-notifier/updates-available", "0 updates can be applied immediately.\n");
	os_patches(root, &all, &security);
	assert_int_equal(all, 0);
	assert_int_equal(security, 0);
	write_file("var/lib/update-notifier/updates-available",
	    "99999999999999999999 updates can be applied\n-4 updates can be applied\n");
	os_patches(root, &all, &security);
	assert_int_equal(all, -1);
}

/* ---- identity ---- */

static void an_identity_is_made_once_and_kept(void **state)
{
	(void)state;
	struct identity a, b;
	struct stat st;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(identity_load(fd, &a), 0);
	assert_int_equal(a.standing, STANDING_NEW);
	assert_int_equal(identity_load(fd, &b), 0);
	assert_memory_equal(a.install_id.b, b.install_id.b, ID_BYTES);
	assert_memory_equal(a.seal_secret, b.seal_secret, LINK_KEY);
	assert_int_equal(fstatat(fd, "identity", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	a.standing = STANDING_ENROLLED;
	a.policy.n = 1;
	a.policy.version = 7;
	a.policy.set[0].id = SETTING_SYNC_INTERVAL_S;
	a.policy.set[0].value = 20;
	memset(a.policy.hash, 5, sizeof a.policy.hash);
	memset(a.machine_secret, 9, sizeof a.machine_secret);
	str_copy(a.server, sizeof a.server, "https://x:1");
	assert_int_equal(identity_save(fd, &a), 0);
	assert_int_equal(identity_load(fd, &b), 0);
	assert_int_equal(b.standing, STANDING_ENROLLED);
	assert_int_equal(b.policy.n, 1);
	assert_int_equal(b.policy.set[0].id, SETTING_SYNC_INTERVAL_S);
	assert_int_equal(b.policy.set[0].value, 20);
	assert_memory_equal(a.policy.hash, b.policy.hash, sizeof a.policy.hash);
	assert_string_equal(b.server, "https://x:1");
	assert_int_equal(b.machine_secret[31], 9);
	a.policy.set[0].value = 1; /* another version's bounds: the setting is dropped and the policy asked for anew */
	assert_int_equal(identity_save(fd, &a), 0);
	assert_int_equal(identity_load(fd, &b), 0);
	assert_int_equal(b.policy.n, 0);
	assert_int_equal(b.policy.hash[0], 0);
	char path[128];
	snprintf(path, sizeof path, "%s/identity", dir);
	int f = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(f, "\xff", 1, 40), 1);
	close(f);
	assert_int_equal(
	    identity_load(fd, &b), -EBADMSG); /* not a new one in its place: that would be a second machine */
	close(fd);
}

/* ---- token: the values are made by a second implementation (Python's hashlib and PyNaCl) ---- */

#define TOKEN                                                                                                          \
	"khien1_00112233aabb_000102030405060708090a0b0c0d0e0f_"                                                        \
	"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"

#define AUTH_KEY "a6e027f68ebe584a2f799303f1fce13737ab9a964134e1ecd2d4b62777c4a117"
#define PROOF    "83365eba8543d5f3465fec9b1de8df8641d50e8313d81953e5942330ff878255"

static void a_token_is_read_strictly(void **state)
{
	(void)state;
	struct enrol_token t;
	char hex[2 * LINK_KEY + 1];
	assert_int_equal(enrol_token_parse("  " TOKEN "\n", &t), 0);
	hex_encode(hex, t.id, sizeof t.id);
	assert_string_equal(hex, "00112233aabb");
	assert_int_equal(t.pin[0], 0x20);
	assert_int_equal(t.pin[31], 0x3f);
	hex_encode(hex, t.auth_key, sizeof t.auth_key);
	assert_string_equal(hex, AUTH_KEY);
	assert_int_equal(enrol_token_parse(TOKEN "0", &t), -EINVAL);
	assert_int_equal(enrol_token_parse(TOKEN " x", &t), -EINVAL);
	assert_int_equal(enrol_token_parse("khien2" TOKEN, &t), -EINVAL);
	assert_int_equal(enrol_token_parse("", &t), -EINVAL);
	char cut[] = TOKEN;
	for (size_t n = sizeof cut - 1; n-- > 0;) {
		cut[n] = 0;
		assert_int_equal(enrol_token_parse(cut, &t), -EINVAL);
	}
}

static void proof_and_confirmation_are_the_protocols(void **state)
{
	(void)state;
	struct enrol_token t;
	uint8_t csr[SHA256_BYTES], seal[LINK_KEY], proof[LINK_KEY];
	char hex[2 * LINK_KEY + 1];
	id16 install;
	assert_int_equal(enrol_token_parse(TOKEN, &t), 0);
	memset(csr, 1, sizeof csr);
	memset(install.b, 2, sizeof install.b);
	memset(seal, 3, sizeof seal);
	enrol_token_prove(&t, csr, install, seal, proof);
	hex_encode(hex, proof, sizeof proof);
	assert_string_equal(hex, PROOF);
}

static void only_the_tokens_centre_is_believed(void **state)
{
	(void)state;
	struct enrol_token t;
	uint8_t public_key[LINK_KEY], secret_key[LINK_KEY], sealed[SECRET_BYTES + crypto_box_SEALBYTES],
	    got[SECRET_BYTES];
	uint8_t secret[SECRET_BYTES], sum[SHA256_BYTES];
	struct link_enrolled m = {.machine = {{5}}, .sealed = sealed, .sealed_n = sizeof sealed};
	crypto_generichash_state h;
	assert_int_equal(enrol_token_parse(TOKEN, &t), 0);
	crypto_box_keypair(public_key, secret_key);
	memset(secret, 0x77, sizeof secret);
	crypto_box_seal(sealed, secret, sizeof secret, public_key);
	crypto_hash_sha256(sum, sealed, sizeof sealed);
	crypto_generichash_init(&h, t.auth_key, LINK_KEY, LINK_KEY);
	crypto_generichash_update(&h, (const unsigned char *)"khien-enrolled-1", 16);
	crypto_generichash_update(&h, m.machine.b, ID_BYTES);
	crypto_generichash_update(&h, sum, sizeof sum);
	crypto_generichash_update(&h, public_key, LINK_KEY);
	crypto_generichash_final(&h, m.confirm, LINK_KEY);
	assert_int_equal(enrol_token_check(&t, &m, public_key, secret_key, got), 0);
	assert_memory_equal(got, secret, sizeof secret);
	m.machine.b[0] ^= 1;
	assert_int_equal(enrol_token_check(&t, &m, public_key, secret_key, got), -EACCES);
	m.machine.b[0] ^= 1;
	sealed[3] ^= 1;
	assert_int_equal(enrol_token_check(&t, &m, public_key, secret_key, got), -EACCES);
	sealed[3] ^= 1;
	m.sealed_n--;
	assert_int_equal(enrol_token_check(&t, &m, public_key, secret_key, got), -EACCES);
}

#define IN_ROOT(f) cmocka_unit_test_setup(f, new_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    IN_ROOT(a_whole_computer_is_read),
	    IN_ROOT(what_comes_and_goes_is_left_out),
	    IN_ROOT(fillers_are_absent),
	    IN_ROOT(kinds_do_not_mix_and_space_does_not_count),
	    IN_ROOT(the_inventory_is_read),
	    IN_ROOT(unknown_is_said_to_be_unknown),
	    IN_ROOT(three_answers_to_each_question),
	    IN_ROOT(an_identity_is_made_once_and_kept),
	    IN_ROOT(a_token_is_read_strictly),
	    IN_ROOT(proof_and_confirmation_are_the_protocols),
	    IN_ROOT(only_the_tokens_centre_is_believed),
	};
	return cmocka_run_group_tests_name("parent", tests, make_top, drop_top);
}
