/* Containers and indexes from a hostile disk. The first byte chooses how deep the input begins:
 *   0  it is the container's file as it lies there
 *   1  it is the facts of a container whose seal is right
 *   2  it is the pieces of a content whose seals are right: u8 tag, u16 bytes, i64 offset, bytes
 *   3  it is the index's file
 *   4  it is the index behind a right seal
 * so that not only the seals are tried. The format is written here a second time, from the comment in container.h. */
#include "container.h"
#include "quarantine_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const id16 id = {{1, 2, 3}};
static struct act_keys keys;

static void number(unsigned char *p, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

static int file_of(const void *p, size_t n)
{
	int fd = memfd_create("container", MFD_CLOEXEC);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
	return fd;
}

static int discard(void *context, int file, const void *p, size_t n, int64_t at)
{
	(void)context;
	(void)file;
	if (at < 0 || (n && !memchr(p, ((const char *)p)[n - 1], n)))
		abort();
	return 0;
}

static int cut(void *context, int file, int64_t size)
{
	(void)context;
	(void)file;
	return size < 0 ? -EINVAL : 0;
}

static void read_container(int fd)
{
	struct act_disk disk = {.write = discard, .cut = cut};
	struct container_facts facts = CONTAINER_FACTS_INIT;
	int64_t content;
	if (container_read(fd, &keys, id, &facts, &content) == 0 && facts.item.size <= 1 << 24)
		container_extract(&disk, fd, &keys, id, -1);
	container_facts_release(&facts);
	close(fd);
}

/* ---- right seals ---- */

static size_t seal_head(unsigned char *out, const void *facts, size_t n, const unsigned char stream[24])
{
	unsigned long long sealed;
	memcpy(out, "KHIENQUA", 8);
	number(out + 8, 1, 4);
	number(out + 12, n + 16, 4);
	memcpy(out + 16, id.b, ID_BYTES);
	memcpy(out + 32, stream, 24);
	memset(out + 56, 7, 24);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + 80, &sealed, facts, n, out, 80, NULL, out + 56, keys.facts);
	return 80 + (size_t)sealed;
}

static void sealed_facts(const unsigned char *p, size_t n)
{
	static const unsigned char stream[24];
	unsigned char *out = malloc(n + 96);
	size_t head = seal_head(out, p, n, stream);
	read_container(file_of(out, head));
	free(out);
}

static int64_t size_of_pieces(const unsigned char *p, size_t n)
{
	int64_t size = 0;
	for (; n >= 11; p += 11, n -= 11) {
		size_t k = p[1] | (size_t)p[2] << 8;
		n -= k < n - 11 ? k : n - 11;
		p += k < n ? k : n;
		size += (int64_t)k;
	}
	return size & 0xffff;
}

static void sealed_pieces(const unsigned char *p, size_t n)
{
	struct container_facts f = CONTAINER_FACTS_INIT;
	struct buf facts = BUF_INIT(4096);
	crypto_secretstream_xchacha20poly1305_state state;
	unsigned char stream[24], *out = malloc(2 * n + 8192);
	f.item = (struct quarantine_item){.id = id, .size = size_of_pieces(p, n)};
	f.item.detection = (struct detection){
	    .engine = "", .name = "", .type = "", .path = {.form = PATH_BYTES, .raw = "", .display = ""}};
	container_put_facts(&facts, &f);
	crypto_secretstream_xchacha20poly1305_init_push(&state, stream, keys.content);
	size_t at = seal_head(out, facts.p, facts.n, stream);
	while (n >= 11) {
		size_t k = p[1] | (size_t)p[2] << 8, room = n - 11;
		unsigned long long sealed;
		if (k > room)
			k = room;
		if (at + 4 + k + 8 + 17 > 2 * n + 8192)
			break;
		crypto_secretstream_xchacha20poly1305_push(
		    &state, out + at + 4, &sealed, p + 3, 8 + k, id.b, sizeof id.b, p[0] & 3);
		number(out + at, sealed, 4);
		at += 4 + (size_t)sealed;
		p += 11 + k;
		n -= 11 + k;
	}
	read_container(file_of(out, at));
	free(out);
	buf_release(&facts);
	container_facts_release(&f);
}

/* ---- the index ---- */

static int look(void *arg, const struct quarantine_item *item)
{
	(void)arg;
	return item->detection.path.n > MAX_PATH_BYTES || strlen(item->detection.name) > MAX_TEXT ? -EINVAL : 0;
}

static char path[] = "/dev/shm/khien-fuzz-XXXXXX";
static struct quarantine *q;

static void remove_folder(void)
{
	static const char *const names[] = {"key", "lock", "index"};
	char name[ITEM_NAME];
	item_name(id, ITEM_KEPT, name);
	unlinkat(q->folder, name, 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlinkat(q->folder, names[i], 0);
	rmdir(path);
}

/* A folder with one container whose index is the input. */
static void folder(void)
{
	char name[ITEM_NAME];
	if (q)
		return;
	if (!mkdtemp(path) || quarantine_open(path, &QUARANTINE_LIMITS_STANDARD, &q, NULL))
		abort();
	q->keys = keys;
	item_name(id, ITEM_KEPT, name);
	int fd = openat(q->folder, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	atexit(remove_folder);
}

static void index_file(const void *p, size_t n)
{
	folder();
	int fd = openat(q->folder, "index", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
	close(fd);
	if (quarantine_list(q, look, NULL, NULL))
		abort(); /* whatever the index says, the containers can be listed */
}

static void sealed_index(const unsigned char *p, size_t n)
{
	unsigned char *out = malloc(32 + n + 16);
	unsigned long long sealed;
	memcpy(out, "KHIENQIX", 8);
	memset(out + 8, 9, 24);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + 32, &sealed, p, n, out, 8, NULL, out + 8, keys.index);
	index_file(out, 32 + (size_t)sealed);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (sodium_init() < 0 || !n)
		return 0;
	memset(&keys, 5, sizeof keys);
	switch (p[0] % 5) {
	case 0:
		read_container(file_of(p + 1, n - 1));
		break;
	case 1:
		sealed_facts(p + 1, n - 1);
		break;
	case 2:
		sealed_pieces(p + 1, n - 1);
		break;
	case 3:
		index_file(p + 1, n - 1);
		break;
	default:
		sealed_index(p + 1, n - 1);
	}
	return 0;
}
