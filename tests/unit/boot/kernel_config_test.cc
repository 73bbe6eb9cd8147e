// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/kernel_config.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/unit/boot/payload_builder.h"

namespace redoubt::boot {
namespace {

constexpr std::string_view kText =
    "# Linux/arm64 7.2.12 Kernel Configuration\n"
    "CONFIG_ARM_PKVM_GUEST=y\n"
    "CONFIG_VIRTIO_BLK=m\n"
    "# CONFIG_DMA_RESTRICTED_POOL is not set\n"
    "CONFIG_NR_CPUS=512\n"
    "CONFIG_CC_VERSION_TEXT=\"gcc = 14\"\n"
    "CONFIG_LAST=y";

Bytes marked(std::span<const std::byte> packed) {
  return concatenate(concatenate(bytes_of("IKCFG_ST"), packed), bytes_of("IKCFG_ED"));
}

Bytes noise(size_t size) { return make_image({.file_size = size}); }

std::optional<KernelConfig> extract(std::span<const std::byte> kernel) {
  return extract_kernel_config(PayloadFile("kernel", MemoryFile(kernel).path()));
}

TEST(KernelConfig, values_are_as_written) {
  const KernelConfig config(kText);

  EXPECT_EQ(config.value("CONFIG_ARM_PKVM_GUEST"), "y");
  EXPECT_EQ(config.value("CONFIG_VIRTIO_BLK"), "m");
  EXPECT_EQ(config.value("CONFIG_NR_CPUS"), "512");
  EXPECT_EQ(config.value("CONFIG_CC_VERSION_TEXT"), "\"gcc = 14\"");
  EXPECT_EQ(config.value("CONFIG_LAST"), "y");
}

TEST(KernelConfig, unset_and_unknown_options_have_no_value) {
  const KernelConfig config(kText);

  EXPECT_EQ(config.value("CONFIG_DMA_RESTRICTED_POOL"), std::nullopt);
  EXPECT_EQ(config.value("CONFIG_NR"), std::nullopt);
  EXPECT_EQ(config.value("NR_CPUS"), std::nullopt);
  EXPECT_EQ(config.value(""), std::nullopt);
}

TEST(KernelConfig, only_what_is_built_in_is_enabled) {
  const KernelConfig config(kText);

  EXPECT_TRUE(config.enabled("CONFIG_ARM_PKVM_GUEST"));
  EXPECT_FALSE(config.enabled("CONFIG_VIRTIO_BLK"));
  EXPECT_FALSE(config.enabled("CONFIG_DMA_RESTRICTED_POOL"));
}

TEST(KernelConfig, is_found_in_the_middle_of_a_kernel) {
  const Bytes kernel =
      concatenate(concatenate(noise(1'000'000), marked(gzip(bytes_of(kText)))), noise(100));

  const auto config = extract(kernel);

  ASSERT_TRUE(config);
  EXPECT_TRUE(config->enabled("CONFIG_ARM_PKVM_GUEST"));
  EXPECT_TRUE(config->enabled("CONFIG_LAST"));
}

TEST(KernelConfig, is_found_wherever_it_begins_in_a_chunk) {
  const Bytes config = marked(gzip(bytes_of(kText)));

  for (size_t before = (256 << 10) - 12; before < (256 << 10) + 2; ++before) {
    ASSERT_TRUE(extract(concatenate(noise(before), config))) << before;
  }
}

TEST(KernelConfig, words_of_the_code_that_looks_for_it_are_passed_over) {
  const Bytes kernel = concatenate(bytes_of("IKCFG_ST\0IKCFG_ED"), marked(gzip(bytes_of(kText))));

  EXPECT_TRUE(extract(kernel));
}

TEST(KernelConfig, kernel_without_one_has_none) {
  EXPECT_FALSE(extract(noise(1'000'000)));
  EXPECT_FALSE(extract(bytes_of("I")));
  EXPECT_FALSE(extract(bytes_of("IKCFG_ST")));
}

TEST(KernelConfig, one_without_its_end_counts_as_none) {
  const Bytes packed = gzip(bytes_of(kText));

  EXPECT_FALSE(extract(concatenate(bytes_of("IKCFG_ST"), packed)));
}

TEST(KernelConfig, damaged_one_counts_as_none) {
  Bytes packed = gzip(bytes_of(kText));
  packed[packed.size() - 6] ^= std::byte{1};

  EXPECT_FALSE(extract(marked(packed)));
  EXPECT_FALSE(extract(marked(std::span(packed).first(30))));
}

TEST(KernelConfig, one_that_unpacks_to_more_than_4_mib_counts_as_none) {
  EXPECT_FALSE(extract(marked(gzip(Bytes((size_t{4} << 20) + 1, std::byte{'\n'})))));
  EXPECT_TRUE(extract(marked(gzip(Bytes(size_t{4} << 20, std::byte{'\n'})))));
}

}  // namespace
}  // namespace redoubt::boot
