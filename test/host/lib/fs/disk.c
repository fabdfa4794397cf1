/* SPDX-License-Identifier: BSD-2-Clause */
#include "test/host/lib/fs/disk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/heap.h"
#include "core/log.h"
#include "core/page.h"
#include "core/panic.h"
#include "core/time.h"
#include "lib/fs/ext4.h"
#include "test/host/check_main.h"

size_t disk_blocks_in_use;
uint64_t disk_allocations, disk_allocations_left;
uint64_t disk_wall_ns = 1700000000ULL * 1000000000ULL;
void (*disk_on_wait)(void);
unsigned int disk_log_lines;
char disk_log_line[256];
uint8_t disk_stale;

/* --- what file systems call --- */

static struct vcpu vcpu;
__thread struct vcpu *vcpu_host = &vcpu;

void events_deliver(void)
{
}

static bool allocation_fails(void)
{
	disk_allocations++;
	return disk_allocations_left && --disk_allocations_left == 0;
}

void *heap_alloc(size_t bytes)
{
	if (allocation_fails())
		return NULL;
	disk_blocks_in_use++;
	return malloc(bytes ? bytes : 1);
}

void *heap_alloc_zeroed(size_t bytes)
{
	void *block = heap_alloc(bytes);

	return block ? memset(block, 0, bytes) : NULL;
}

void *heap_alloc_aligned(size_t align_bytes, size_t bytes)
{
	void *block = NULL;

	if (allocation_fails() || posix_memalign(&block, align_bytes, bytes))
		return NULL;
	disk_blocks_in_use++;
	return block;
}

void *heap_realloc(void *block, size_t bytes)
{
	if (allocation_fails())
		return NULL;
	disk_blocks_in_use += !block;
	return realloc(block, bytes);
}

void *disk_calloc(size_t count, size_t bytes)
{
	return heap_alloc_zeroed(count * bytes);
}

int disk_memalign(void **block_out, size_t align_bytes, size_t bytes)
{
	*block_out = heap_alloc_aligned(align_bytes, bytes);
	return *block_out ? 0 : ENOMEM;
}

void heap_free(void *block)
{
	disk_blocks_in_use -= block != NULL;
	free(block);
}

void *page_alloc(unsigned int order, unsigned int flags)
{
	void *block = heap_alloc_aligned(PAGE_BYTES, PAGE_BYTES << order);

	/* What it held before is anything. */
	if (block)
		memset(block, flags & PAGE_ZERO ? 0 : 0xa5, PAGE_BYTES << order);
	return block;
}

void page_free(void *block, unsigned int order)
{
	(void)order;
	heap_free(block);
}

void page_get_stats(struct page_stats *stats_out)
{
	memset(stats_out, 0, sizeof(*stats_out));
	stats_out->total = 4096;
}

bool spin_lock_events(struct spinlock *lock)
{
	if (lock->word)
		abort();
	lock->word = 1;
	return true;
}

void spin_unlock_events(struct spinlock *lock, bool enabled_before)
{
	if (!lock->word || !enabled_before)
		abort();
	lock->word = 0;
}

void sleeplock_lock(struct sleeplock *lock)
{
	if (lock->word)
		abort(); /* one thread: it would wait for ever */
	lock->word = 1;
}

void sleeplock_unlock(struct sleeplock *lock)
{
	if (!lock->word)
		abort();
	lock->word = 0;
}

void waitq_wake_all(struct waitq *queue)
{
	queue->wakes++;
}

int waitq_sleep(struct waitq *queue, uint32_t wakes, uint64_t deadline_ns, bool interruptible)
{
	(void)queue;
	(void)wakes;
	(void)deadline_ns;
	(void)interruptible;
	if (!disk_on_wait)
		abort(); /* everything is done at once here */
	disk_on_wait();
	return 0;
}

uint64_t time_wall_ns(void)
{
	return disk_wall_ns += 1000003;
}

void log_write(enum log_level level, const char *format, ...)
{
	va_list arguments;

	(void)level;
	va_start(arguments, format);
	vsnprintf(disk_log_line, sizeof(disk_log_line), format, arguments);
	va_end(arguments);
	disk_log_lines++;
	if (getenv("TEST_LOG"))
		fprintf(stderr, "log: %s\n", disk_log_line);
}

void panic(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	abort();
}

/* --- the device --- */

static struct disk *disk_of(struct blkdev *dev)
{
	return (struct disk *)dev;
}

static void remember(struct disk *disk, struct disk_write write)
{
	if (!disk->recording)
		return;
	if (disk->writes_count == disk->writes_max) {
		disk->writes_max = disk->writes_max ? disk->writes_max * 2 : 256;
		disk->writes = realloc(disk->writes, disk->writes_max * sizeof(*disk->writes));
	}
	disk->writes[disk->writes_count++] = write;
}

static bool request_fails(struct disk *disk)
{
	disk->requests++;
	if (disk->fail_after && disk->fail_after == disk->requests)
		return true;
	return disk->fail_on && disk->fail_after && disk->requests > disk->fail_after;
}

static void flush(struct disk *disk)
{
	void (*on_flush)(void) = disk->on_flush;

	disk->flushes++;
	disk->on_flush = NULL;
	if (on_flush)
		on_flush();
	remember(disk, (struct disk_write){0, 0, NULL, true});
}

/* What is written was taken from memory before it is on the medium. */
static void store(struct disk *disk, const struct blkreq *req)
{
	uint8_t *bytes = malloc(req->sectors * DISK_SECTOR), *at = bytes;
	void (*on_write)(void) = disk->on_write;

	for (size_t i = 0; i < req->segs_count; i++) {
		memcpy(at, req->segs[i].base, req->segs[i].bytes);
		at += req->segs[i].bytes;
	}
	disk->on_write = NULL;
	if (on_write)
		on_write();
	memcpy(disk->bytes + req->sector * DISK_SECTOR, bytes, req->sectors * DISK_SECTOR);
	free(bytes);
}

static int transfer(struct disk *disk, struct blkreq *req)
{
	uint8_t *at = disk->bytes + req->sector * DISK_SECTOR, *start = at;
	bool barrier = req->flags & BLKREQ_BARRIER;

	if (request_fails(disk))
		return -EIO;
	if (req->op == BLKREQ_FLUSH) {
		flush(disk);
		return 0;
	}
	if (barrier)
		flush(disk);
	if (req->op == BLKREQ_WRITE)
		store(disk, req);
	for (size_t i = 0; req->op == BLKREQ_READ && i < req->segs_count; i++) {
		memcpy(req->segs[i].base, at, req->segs[i].bytes);
		at += req->segs[i].bytes;
	}
	if (req->op == BLKREQ_READ) {
		disk->reads++;
		return 0;
	}
	disk->writes_done++;
	if (disk->recording) {
		uint8_t *copy = malloc(req->sectors * DISK_SECTOR);

		memcpy(copy, start, req->sectors * DISK_SECTOR);
		remember(disk, (struct disk_write){req->sector, req->sectors, copy, false});
	}
	if (barrier)
		flush(disk);
	return 0;
}

int blkdev_submit(struct blkdev *dev, struct blkreq *req)
{
	struct disk *disk = disk_of(dev);
	uint64_t bytes = 0;

	for (size_t i = 0; i < req->segs_count; i++)
		bytes += req->segs[i].bytes;
	if (req->sector + req->sectors > disk->sectors || bytes != req->sectors * DISK_SECTOR)
		return -EINVAL;
	if (req->op == BLKREQ_WRITE && dev->info.read_only)
		return -EROFS;
	req->result = transfer(disk, req);
	req->done(req);
	return 0;
}

static void call_done(struct blkreq *req)
{
	(void)req;
}

int blkdev_call(struct blkdev *dev, struct blkreq *req)
{
	int error;

	req->done = call_done;
	error = blkdev_submit(dev, req);
	return error ? error : req->result;
}

static int simple(struct blkdev *dev, enum blkreq_op op, uint64_t sector, void *bytes, size_t count)
{
	struct blkseg segment = {bytes, count};
	struct blkreq req = {
		.op = op,
		.sector = sector,
		.sectors = count / DISK_SECTOR,
		.segs = count ? &segment : NULL,
		.segs_count = count != 0,
	};

	return blkdev_call(dev, &req);
}

int blkdev_read(struct blkdev *dev, uint64_t sector, void *bytes_out, size_t bytes_count)
{
	return simple(dev, BLKREQ_READ, sector, bytes_out, bytes_count);
}

int blkdev_write(struct blkdev *dev, uint64_t sector, const void *bytes, size_t bytes_count)
{
	return simple(dev, BLKREQ_WRITE, sector, (void *)(uintptr_t)bytes, bytes_count);
}

int blkdev_flush(struct blkdev *dev)
{
	return simple(dev, BLKREQ_FLUSH, 0, NULL, 0);
}

void blkdev_plug(struct blkdev *dev)
{
	dev->plugged++;
}

void blkdev_unplug(struct blkdev *dev)
{
	dev->plugged--;
}

/* --- disks of tests --- */

struct disk *disk_create(uint64_t bytes)
{
	struct disk *disk = calloc(1, sizeof(*disk));

	disk->bytes = calloc(1, bytes);
	disk->sectors = disk->dev.sectors = bytes / DISK_SECTOR;
	disk->dev.info.block_bytes = DISK_SECTOR;
	disk->dev.info.flush = true;
	strcpy(disk->dev.name, "xvda");
	return disk;
}

static void forget_record(struct disk *disk)
{
	for (size_t i = 0; i < disk->writes_count; i++)
		free(disk->writes[i].bytes);
	free(disk->writes);
	free(disk->base);
	disk->writes = NULL;
	disk->base = NULL;
	disk->writes_count = disk->writes_max = 0;
	disk->recording = false;
}

void disk_destroy(struct disk *disk)
{
	forget_record(disk);
	free(disk->bytes);
	free(disk);
}

void disk_load(struct disk *disk, const char *path)
{
	FILE *file = fopen(path, "rb");

	test_require(file && fread(disk->bytes, 1, disk->sectors * DISK_SECTOR, file) ==
				     disk->sectors * DISK_SECTOR);
	fclose(file);
}

void disk_store(const struct disk *disk, const char *path)
{
	FILE *file = fopen(path, "wb");

	test_require(file && fwrite(disk->bytes, 1, disk->sectors * DISK_SECTOR, file) ==
				     disk->sectors * DISK_SECTOR);
	fclose(file);
}

void disk_record(struct disk *disk)
{
	forget_record(disk);
	disk->base = malloc(disk->sectors * DISK_SECTOR);
	memcpy(disk->base, disk->bytes, disk->sectors * DISK_SECTOR);
	disk->recording = true;
}

static void apply(struct disk *disk, const struct disk_write *write, uint64_t first, uint64_t end)
{
	memcpy(disk->bytes + (write->sector + first) * DISK_SECTOR,
	       write->bytes + first * DISK_SECTOR, (end - first) * DISK_SECTOR);
}

/* One write the flush never confirmed. Sectors are whole; which of them arrived nobody knows. */
static void apply_perhaps(struct disk *disk, const struct disk_write *write,
			  uint64_t (*random)(void))
{
	uint64_t kind = random() % 4;

	if (kind == 0)
		return;
	if (kind == 1) {
		apply(disk, write, 0, write->sectors);
		return;
	}
	for (uint64_t i = 0; i < write->sectors; i++)
		if (kind == 2 ? i < random() % write->sectors : random() & 1)
			apply(disk, write, i, i + 1);
}

void disk_cut(struct disk *disk, const struct disk *from, size_t at, uint64_t (*random)(void))
{
	size_t safe = 0;

	memcpy(disk->bytes, from->base, disk->sectors * DISK_SECTOR);
	for (size_t i = 0; i < at; i++)
		if (from->writes[i].flush)
			safe = i;
	for (size_t i = 0; i < at; i++) {
		const struct disk_write *write = &from->writes[i];

		if (write->flush)
			continue;
		if (i < safe || !random)
			apply(disk, write, 0, write->sectors);
		else
			apply_perhaps(disk, write, random);
	}
}

/* A file for a tool of the host to look at, in memory. */
static void image_path(char path[64])
{
	snprintf(path, 64, "%s/stardust-ext4-%d.img",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid());
}

static int run(const char *line, char *output, size_t output_max)
{
	char command[1024];
	FILE *pipe;
	size_t n;
	int status;

	snprintf(command, sizeof(command), "PATH=$PATH:/sbin:/usr/sbin; %s 2>&1", line);
	pipe = popen(command, "r");
	test_require(pipe);
	n = fread(output, 1, output_max - 1, pipe);
	output[n] = '\0';
	while (fgetc(pipe) != EOF)
		;
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct disk *disk_make(uint64_t bytes, const char *options)
{
	struct disk *disk = disk_create(bytes);
	char path[64], line[512], output[4096];

	image_path(path);
	memset(disk->bytes, disk_stale, bytes);
	disk_store(disk, path);
	snprintf(line, sizeof(line),
		 "mke2fs -q -F -U 12345678-1234-1234-1234-123456789abc "
		 "-E hash_seed=abcdef00-1111-2222-3333-444455556666,lazy_itable_init=1,nodiscard%s "
		 "%s",
		 options, path);
	if (run(line, output, sizeof(output)) != 0)
		ck_abort_msg("%s: %s", line, output);
	disk_load(disk, path);
	unlink(path);
	return disk;
}

int disk_fsck(struct disk *disk, const char *options)
{
	char path[64], line[256], output[8192];
	int status;

	image_path(path);
	disk_store(disk, path);
	snprintf(line, sizeof(line), "e2fsck %s %s", options, path);
	status = run(line, output, sizeof(output));
	disk_load(disk, path);
	unlink(path);
	if (status > 1)
		fprintf(stderr, "%s: %d\n%s\n", line, status, output);
	return status;
}

int disk_check(const struct disk *disk)
{
	char path[64], line[256], output[8192];
	int status;

	image_path(path);
	disk_store(disk, path);
	snprintf(line, sizeof(line), "e2fsck -fn %s", path);
	status = run(line, output, sizeof(output));
	unlink(path);
	if (status)
		fprintf(stderr, "e2fsck -fn: %d\n%s\n", status, output);
	return status;
}

char *disk_debugfs(const struct disk *disk, const char *command)
{
	char path[64], line[512], *output = malloc(1 << 20);

	image_path(path);
	disk_store(disk, path);
	snprintf(line, sizeof(line), "debugfs -R '%s' %s 2>/dev/null", command, path);
	test_require(run(line, output, 1 << 20) == 0);
	unlink(path);
	return output;
}

int disk_try_mount(struct disk *disk, const char *options, bool read_only, struct fs **fs_out,
		   const char **why_out)
{
	return ext4_fs_type.mount(&disk->dev, options, read_only, fs_out, why_out);
}

struct fs *disk_mount(struct disk *disk, bool read_only)
{
	const char *why = "";
	struct fs *fs = NULL;
	int error = disk_try_mount(disk, "", read_only, &fs, &why);

	if (error)
		ck_abort_msg("mount: %d %s; %s", error, why, disk_log_line);
	return fs;
}

void disk_unmount(struct fs *fs)
{
	int error = fs->ops->unmount(fs);

	if (error)
		ck_abort_msg("unmount: %d; %s", error, disk_log_line);
}
