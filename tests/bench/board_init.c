// SPDX-License-Identifier: Apache-2.0
//
// /init of the measuring board. Runs the commands of /bench/plan one after another, tells the
// console what the kernel's own trace said about each, and powers the board off.
//
// A line of the plan is tab-separated: KIND NAME PROGRAM ARGUMENT…, where KIND is
//   prepare  run it, expect status 0
//   warm     a guest that powers off, not measured
//   time     the same; trace exec, idle times and the exit that carries the power-off
//   entry    the same; trace exec, idle times and the first entry into the guest
//   memory   the same; resident memory beyond guest memory, at its highest
//   load     a guest that runs load/main.c; trace its marks and idle times
//   flood    the same; trace its marks, resident memory every second
// Output, each line after "bench: ":
//   begin KIND NAME | trace NAME LINE | elapsed NAME NANOSECONDS | memory NAME OTHER_KIB GUEST_KIB
//   load NAME NUMBER PHASE COUNT | sample NAME NANOSECONDS OTHER_KIB GUEST_KIB
//   failed NAME WHY | done
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRACING "/sys/kernel/tracing/"
#define OUTPUT "/bench/output"

enum { kMaxArguments = 64, kSamplePeriodNs = 2000000, kDeadlineSeconds = 20 };
enum { kLoadDeadlineSeconds = 60, kFloodDeadlineSeconds = 3600, kFloodSampleSeconds = 1 };

enum kind { kPrepare, kWarm, kTime, kEntry, kMemory, kLoad, kFlood, kKinds };

static const char* const kKindNames[kKinds] = {"prepare", "warm", "time", "entry",
                                               "memory",  "load", "flood"};

// Of the board's time. After its boot the kernel goes on testing its cryptography in threads of its
// own, for more instructions than a guest takes.
enum { kSettleSeconds = 10 };

static void say(const char* format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("bench: ");
  vprintf(format, arguments);
  printf("\n");
  va_end(arguments);
}

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void tracing(const char* file, const char* value) {
  char path[256];
  snprintf(path, sizeof(path), TRACING "%s", file);
  const int fd = open(path, O_WRONLY | O_TRUNC);
  if (fd < 0 || write(fd, value, strlen(value)) < 0) say("failed tracing %s: %m", path);
  if (fd >= 0) close(fd);
}

static bool is_traced(enum kind kind) {
  return kind == kTime || kind == kEntry || kind == kLoad || kind == kFlood;
}

static void start_tracing(enum kind kind) {
  tracing("trace", "");
  tracing("events/sched/sched_process_exec/enable", "1");
  if (kind != kFlood) tracing("events/power/cpu_idle/enable", "1");
  if (kind == kEntry) {
    // Whatever comes after the first entry is not recorded.
    tracing("events/kvm/kvm_entry/trigger", "traceoff:1");
    tracing("events/kvm/kvm_entry/enable", "1");
  } else if (kind == kLoad || kind == kFlood) {
    tracing("events/kvm/kvm_mmio/filter", "gpa == 0x9010004");  // the marks of load/main.c
    tracing("events/kvm/kvm_mmio/enable", "1");
  } else {
    tracing("events/kvm/kvm_userspace_exit/filter", "reason == 24");  // KVM_EXIT_SYSTEM_EVENT
    tracing("events/kvm/kvm_userspace_exit/enable", "1");
  }
  tracing("tracing_on", "1");
}

static void stop_tracing(enum kind kind, const char* name) {
  tracing("tracing_on", "0");
  tracing("events/enable", "0");
  if (kind == kEntry) tracing("events/kvm/kvm_entry/trigger", "!traceoff:1");
  FILE* trace = fopen(TRACING "trace", "r");
  char line[512];
  while (trace != NULL && fgets(line, sizeof(line), trace) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    if (line[0] != '#') say("trace %s %s", name, line);
  }
  if (trace != NULL) fclose(trace);
}

struct residence {
  unsigned long other_kib;
  unsigned long guest_kib;
};

// Guest memory is what a VMM keeps from its children (VmFlags dc) or shares by memfd.
static struct residence residence_of(pid_t pid) {
  struct residence sum = {0, 0};
  char path[64], line[512];
  unsigned long start, end, rss = 0;
  bool shared = false;
  snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
  FILE* smaps = fopen(path, "r");
  if (smaps == NULL) return sum;
  while (fgets(line, sizeof(line), smaps) != NULL) {
    if (sscanf(line, "%lx-%lx ", &start, &end) == 2) {
      shared = strstr(line, "/memfd:") != NULL;
    } else if (sscanf(line, "Rss: %lu kB", &rss) != 1 && strncmp(line, "VmFlags:", 8) == 0) {
      *(shared || strstr(line, " dc") != NULL ? &sum.guest_kib : &sum.other_kib) += rss;
    }
  }
  fclose(smaps);
  return sum;
}

static bool has_ended(pid_t pid) {
  siginfo_t info = {0};
  return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

static struct residence watch_residence(pid_t pid) {
  struct residence highest = {0, 0};
  const struct timespec period = {.tv_nsec = kSamplePeriodNs};
  while (!has_ended(pid)) {
    const struct residence sample = residence_of(pid);
    if (sample.other_kib > highest.other_kib) highest.other_kib = sample.other_kib;
    if (sample.guest_kib > highest.guest_kib) highest.guest_kib = sample.guest_kib;
    nanosleep(&period, NULL);
  }
  return highest;
}

static void tell_residence(pid_t pid, const char* name) {
  const struct timespec period = {.tv_sec = kFloodSampleSeconds};
  while (!has_ended(pid)) {
    const struct residence sample = residence_of(pid);
    say("sample %s %lld %lu %lu", name, (long long)now_ns(), sample.other_kib, sample.guest_kib);
    nanosleep(&period, NULL);
  }
}

static bool output_has(const char* text) {
  bool found = false;
  char line[1024];
  FILE* output = fopen(OUTPUT, "r");
  while (output != NULL && !found && fgets(line, sizeof(line), output) != NULL) {
    found = strstr(line, text) != NULL;
  }
  if (output != NULL) fclose(output);
  return found;
}

// What load/main.c has printed, perhaps behind what a flood left of its last line.
static void tell_load(const char* name) {
  static const char kMark[] = "load: ";
  char line[1024];
  FILE* output = fopen(OUTPUT, "r");
  while (output != NULL && fgets(line, sizeof(line), output) != NULL) {
    const char* text = strstr(line, kMark);
    if (text == NULL) continue;
    text += sizeof(kMark) - 1;
    const bool failed = strncmp(text, "failed ", 7) == 0;
    say("%s %s %.*s", failed ? "failed" : "load", name, (int)strcspn(text, "\r\n"), text);
  }
  if (output != NULL) fclose(output);
}

static void show_output(void) {
  char line[1024];
  FILE* output = fopen(OUTPUT, "r");
  while (output != NULL && fgets(line, sizeof(line), output) != NULL) printf("| %s", line);
  if (output != NULL) fclose(output);
}

// Starts the command; *started becomes the time just before exec. `silence` becomes its stdin.
static pid_t start(char** argv, unsigned deadline, int silence, int64_t* started) {
  const int output = open(OUTPUT, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(silence, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    alarm(deadline);  // survives exec, and kills
    *started = now_ns();
    execv(argv[0], argv);
    dprintf(STDERR_FILENO, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
  }
  close(output);
  return pid;
}

static void run(enum kind kind, const char* name, char** argv, int silence, int64_t* started) {
  const bool loaded = kind == kLoad || kind == kFlood;
  struct residence highest = {0, 0};
  int status = 0;
  say("begin %s %s", kKindNames[kind], name);
  if (is_traced(kind)) start_tracing(kind);
  const unsigned deadline = kind == kLoad    ? kLoadDeadlineSeconds
                            : kind == kFlood ? kFloodDeadlineSeconds
                                             : kDeadlineSeconds;
  const pid_t pid = start(argv, deadline, silence, started);
  if (kind == kMemory) highest = watch_residence(pid);
  if (kind == kFlood) tell_residence(pid, name);
  waitpid(pid, &status, 0);
  const int64_t elapsed = now_ns() - *started;
  if (is_traced(kind)) stop_tracing(kind, name);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    say("failed %s wait status %#x", name, (unsigned)status);
    show_output();
  } else if (kind != kPrepare && !loaded && !output_has("redoubt-guest: userspace reached")) {
    say("failed %s the guest did not come to its userspace", name);
    show_output();
  } else if (kind == kMemory) {
    say("memory %s %lu %lu", name, highest.other_kib, highest.guest_kib);
  } else if (loaded) {
    tell_load(name);
  } else {
    say("elapsed %s %lld", name, (long long)elapsed);
  }
}

static enum kind kind_of(const char* name) {
  int kind = 0;
  while (kind < kKinds && strcmp(name, kKindNames[kind]) != 0) ++kind;
  return (enum kind)kind;
}

static void mount_all(void) {
  mkdir("/proc", 0755);
  mkdir("/sys", 0755);
  mkdir("/tmp", 01777);
  mount("dev", "/dev", "devtmpfs", 0, NULL);
  mount("proc", "/proc", "proc", 0, NULL);
  mount("sys", "/sys", "sysfs", 0, NULL);
  mount("trace", TRACING, "tracefs", 0, NULL);
  tracing("tracing_on", "0");
  tracing("trace_clock", "mono");
}

int main(void) {
  char line[8192];
  setvbuf(stdout, NULL, _IOLBF, 0);
  mount_all();
  int64_t* started =
      mmap(NULL, sizeof(*started), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int silence[2];  // a terminal at which nobody types
  if (pipe2(silence, O_CLOEXEC) != 0) say("failed pipe: %m");
  sleep(kSettleSeconds);
  FILE* plan = fopen("/bench/plan", "re");
  while (plan != NULL && fgets(line, sizeof(line), plan) != NULL) {
    char* field[kMaxArguments + 1] = {NULL};
    int count = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char* word = strtok(line, "\t"); word != NULL && count < kMaxArguments;
         word = strtok(NULL, "\t")) {
      field[count++] = word;
    }
    const enum kind kind = kind_of(field[0]);
    if (kind == kKinds || count < 3) {
      say("failed plan %s", field[0]);
    } else {
      run(kind, field[1], &field[2], silence[0], started);
    }
  }
  say("done");
  reboot(RB_POWER_OFF);
  return 1;
}
