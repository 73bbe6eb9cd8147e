/* SPDX-License-Identifier: Apache-2.0
 * Turns on one CPU after the other until there are no more; each counts itself in. */
#include "bare_metal.h"

#define MOST_CPUS 512
#define STACK_SIZE 512
#define PSCI_INVALID_PARAMETERS (-2)

static uint8_t stacks[MOST_CPUS][STACK_SIZE] __attribute__((aligned(16)));
static unsigned arrived = 1;

/* Entered by CPU_ON with the top of its stack in x0. */
void secondary_start(void);
__asm__(
    "secondary_start:\n"
    "  bl mmu_on\n"
    "  mov sp, x0\n"
    "  bl secondary_main\n");

__attribute__((used)) static void secondary_main(void) {
  /* Release: pairs with the acquire in main. */
  __atomic_fetch_add(&arrived, 1, __ATOMIC_RELEASE);
  __asm__ volatile("dsb ish\n sev" ::: "memory");
  hvc(PSCI_CPU_OFF, 0, 0, 0);
}

/* Affinity levels as KVM and QEMU number them: 16 CPUs to a cluster. */
static uint64_t affinity(uint64_t cpu) { return (cpu & 15) | (cpu >> 4) << 8; }

void main(const void* device_tree) {
  (void)device_tree;
  unsigned cpus = 1;
  for (; cpus < MOST_CPUS; ++cpus) {
    const int64_t status = hvc(PSCI_CPU_ON, affinity(cpus), (uint64_t)secondary_start,
                               (uint64_t)stacks[cpus] + STACK_SIZE);
    if (status == PSCI_INVALID_PARAMETERS) break;
    if (status == 0) continue;
    print("smp: CPU_ON refused\n");
    return;
  }
  /* Acquire: pairs with the release of each arrival. */
  while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) != cpus) __asm__ volatile("wfe");
  print("cpus: ");
  print_number(cpus);
  print("\n");
}
