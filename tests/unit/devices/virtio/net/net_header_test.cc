// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/net_header.h"

#include <gtest/gtest.h>

#include "devices/virtio/net/net_config.h"
#include "devices/virtio/net/net_features.h"

namespace redoubt {
namespace {

constexpr uint64_t kAll = virtio::kNetOffloads;
constexpr uint32_t kLength = 1000;

NetHeader with_csum(uint16_t start, uint16_t offset) {
  NetHeader header;
  header.flags = NetHeader::kNeedsCsum;
  header.csum_start = start;
  header.csum_offset = offset;
  return header;
}

NetHeader with_gso(uint8_t type) {
  NetHeader header = with_csum(34, 16);
  header.gso_type = type;
  header.gso_size = 1448;
  header.hdr_len = 66;
  return header;
}

TEST(NetHeader, plain_frame_is_right_with_any_features) {
  EXPECT_EQ(fault_of_sent({}, kLength, 0), std::nullopt);
  EXPECT_EQ(fault_of_sent({}, kLength, kAll), std::nullopt);
}

TEST(NetHeader, frame_shorter_than_an_ethernet_header_is_wrong) {
  for (uint32_t length = 0; length < 14; ++length) {
    EXPECT_NE(fault_of_sent({}, length, kAll), std::nullopt) << length;
  }
  EXPECT_EQ(fault_of_sent({}, 14, kAll), std::nullopt);
}

TEST(NetHeader, frame_beyond_64_kib_and_an_ethernet_header_is_wrong) {
  EXPECT_EQ(fault_of_sent({}, kMaxFrame, kAll), std::nullopt);
  EXPECT_NE(fault_of_sent({}, kMaxFrame + 1, kAll), std::nullopt);
  EXPECT_NE(fault_of_sent({}, 0xffffffff, kAll), std::nullopt);
}

TEST(NetHeader, checksum_ends_with_the_frame_at_the_latest) {
  EXPECT_EQ(fault_of_sent(with_csum(34, 16), kLength, kAll), std::nullopt);
  EXPECT_EQ(fault_of_sent(with_csum(kLength - 2, 0), kLength, kAll), std::nullopt);
  EXPECT_EQ(fault_of_sent(with_csum(0, kLength - 2), kLength, kAll), std::nullopt);
  EXPECT_NE(fault_of_sent(with_csum(kLength - 1, 0), kLength, kAll), std::nullopt);
  EXPECT_NE(fault_of_sent(with_csum(0, kLength - 1), kLength, kAll), std::nullopt);
  EXPECT_NE(fault_of_sent(with_csum(500, 499), kLength, kAll), std::nullopt);
}

TEST(NetHeader, checksum_offsets_do_not_wrap_around) {
  EXPECT_NE(fault_of_sent(with_csum(0xffff, 0xffff), kMaxFrame, kAll), std::nullopt);
  EXPECT_NE(fault_of_sent(with_csum(0xffff, 3), kLength, kAll), std::nullopt);
  EXPECT_NE(fault_of_sent(with_csum(2, 0xffff), kLength, kAll), std::nullopt);
}

TEST(NetHeader, checksum_that_was_not_negotiated_is_wrong) {
  EXPECT_NE(fault_of_sent(with_csum(34, 16), kLength, kAll & ~virtio::kNetCsum), std::nullopt);
}

TEST(NetHeader, segmentation_needs_its_own_feature) {
  const auto tso4 = with_gso(NetHeader::kGsoTcpV4);
  const auto tso6 = with_gso(NetHeader::kGsoTcpV6);
  const auto ecn = with_gso(NetHeader::kGsoTcpV4 | NetHeader::kGsoEcn);
  EXPECT_EQ(fault_of_sent(tso4, kLength, kAll), std::nullopt);
  EXPECT_EQ(fault_of_sent(tso6, kLength, kAll), std::nullopt);
  EXPECT_EQ(fault_of_sent(ecn, kLength, kAll), std::nullopt);
  EXPECT_NE(fault_of_sent(tso4, kLength, kAll & ~virtio::kNetHostTso4), std::nullopt);
  EXPECT_NE(fault_of_sent(tso6, kLength, kAll & ~virtio::kNetHostTso6), std::nullopt);
  EXPECT_NE(fault_of_sent(ecn, kLength, kAll & ~virtio::kNetHostEcn), std::nullopt);
}

TEST(NetHeader, every_other_kind_of_segmentation_is_wrong) {
  for (unsigned type = 1; type < 256; ++type) {
    const unsigned plain = type & ~unsigned{NetHeader::kGsoEcn};
    if (plain == NetHeader::kGsoTcpV4 || plain == NetHeader::kGsoTcpV6) continue;
    EXPECT_NE(fault_of_sent(with_gso(static_cast<uint8_t>(type)), kLength, ~uint64_t{0}),
              std::nullopt)
        << type;
  }
}

TEST(NetHeader, segmentation_needs_a_checksum_a_size_and_headers_inside_the_frame) {
  NetHeader no_csum = with_gso(NetHeader::kGsoTcpV4);
  no_csum.flags = 0;
  NetHeader no_size = with_gso(NetHeader::kGsoTcpV4);
  no_size.gso_size = 0;
  NetHeader long_headers = with_gso(NetHeader::kGsoTcpV4);
  long_headers.hdr_len = kLength + 1;
  for (const NetHeader& header : {no_csum, no_size, long_headers}) {
    EXPECT_NE(fault_of_sent(header, kLength, kAll), std::nullopt);
  }
}

TEST(NetHeader, fields_without_a_meaning_do_not_reach_the_host) {
  NetHeader header;
  header.flags = 0xfe;
  header.hdr_len = header.gso_size = header.csum_start = header.csum_offset = 0xffff;
  header.num_buffers = 7;
  EXPECT_EQ(meaning_of_sent(header), NetHeader());
}

TEST(NetHeader, fields_with_a_meaning_reach_the_host) {
  NetHeader header = with_gso(NetHeader::kGsoTcpV6);
  header.num_buffers = 7;
  EXPECT_EQ(meaning_of_sent(header), with_gso(NetHeader::kGsoTcpV6));
  EXPECT_EQ(meaning_of_sent(with_csum(34, 16)), with_csum(34, 16));
}

TEST(NetHeader, driver_sees_no_flags_that_it_did_not_accept) {
  NetHeader header;
  header.flags = NetHeader::kDataValid;
  EXPECT_EQ(header_for_driver(header, 0), NetHeader());
  EXPECT_EQ(header_for_driver(header, virtio::kNetGuestCsum), header);
}

TEST(NetHeader, frame_that_leaves_work_to_a_driver_that_did_not_accept_it_is_not_for_it) {
  EXPECT_EQ(header_for_driver(with_csum(34, 16), 0), std::nullopt);
  EXPECT_EQ(header_for_driver(with_gso(NetHeader::kGsoTcpV4), virtio::kNetGuestCsum), std::nullopt);
  EXPECT_EQ(header_for_driver(with_gso(NetHeader::kGsoTcpV6),
                              virtio::kNetGuestCsum | virtio::kNetGuestTso4),
            std::nullopt);
}

TEST(NetHeader, frame_that_leaves_work_to_a_driver_that_accepted_it_is_for_it) {
  EXPECT_EQ(header_for_driver(with_gso(NetHeader::kGsoTcpV4), kAll),
            with_gso(NetHeader::kGsoTcpV4));
}

NetOptions network(std::string name) {
  NetOptions options;
  options.name = std::move(name);
  return options;
}

TEST(MacAddress, is_the_hash_of_both_names_made_local_and_unicast) {
  // FNV-1a of "web/net0", computed elsewhere: the lower 48 bits, with the first byte's two lowest
  // bits set to 10.
  EXPECT_EQ(mac_for("web", network("net0")), (MacAddress{0xb2, 0x55, 0x81, 0x62, 0x49, 0x97}));
}

TEST(MacAddress, is_that_of_one_station_under_local_administration_for_any_name) {
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(mac_for("guest", network("net" + std::to_string(i)))[0] & 3, 2) << i;
  }
}

TEST(MacAddress, differs_between_networks_and_between_guests) {
  const MacAddress one = mac_for("a", network("net0"));
  EXPECT_NE(one, mac_for("a", network("net1")));
  EXPECT_NE(one, mac_for("b", network("net0")));
}

TEST(MacAddress, that_was_chosen_is_taken) {
  NetOptions options = network("net0");
  options.mac = MacAddress{0x52, 0x54, 0, 1, 2, 3};
  EXPECT_EQ(mac_for("web", options), *options.mac);
}

TEST(NetConfigSpace, has_mac_link_and_pairs_at_their_offsets) {
  const NetConfigSpace space = net_config_space({0x52, 0x54, 0, 1, 2, 3}, 0x108);
  const std::array<unsigned, 10> expected{0x52, 0x54, 0, 1, 2, 3, 1, 0, 8, 1};
  for (size_t i = 0; i < space.size(); ++i) {
    EXPECT_EQ(std::to_integer<unsigned>(space.at(i)), expected.at(i)) << i;
  }
}

}  // namespace
}  // namespace redoubt
