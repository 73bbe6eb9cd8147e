// SPDX-License-Identifier: Apache-2.0
#include "tests/board/report/xml_reader.h"

#include <string>

#include <gtest/gtest.h>

namespace redoubt::report {
namespace {

TEST(XmlReaderTest, elements_attributes_and_text_are_read) {
  const XmlElement root = read_xml(
      "<?xml version='1.0'?>\n<!-- c --><a one=\"1\" two='2'>x<b/>y<b c=\"d\">z</b></a>\n");

  EXPECT_EQ(root.name, "a");
  EXPECT_EQ(root.attribute("one"), "1");
  EXPECT_EQ(root.attribute("two"), "2");
  EXPECT_EQ(root.attribute("three"), "");
  EXPECT_EQ(root.text, "xy");
  ASSERT_EQ(root.children.size(), 2U);
  EXPECT_EQ(root.children[1].attribute("c"), "d");
  EXPECT_EQ(root.children[1].text, "z");
}

TEST(XmlReaderTest, references_mean_their_characters) {
  const XmlElement root =
      read_xml("<a b=\"&lt;&#x0A;&quot;\">&amp;&gt;&apos;&#65;&#x20ac;&#x1F600;</a>");

  EXPECT_EQ(root.attribute("b"), "<\n\"");
  EXPECT_EQ(root.text, "&>'A€😀");
}

TEST(XmlReaderTest, character_data_is_taken_as_it_stands) {
  EXPECT_EQ(read_xml("<a>1<![CDATA[<b>&amp;]]]]><![CDATA[>]]>2</a>").text, "1<b>&amp;]]>2");
}

TEST(XmlReaderTest, comments_and_instructions_inside_are_passed_over) {
  EXPECT_EQ(read_xml("<!DOCTYPE html><a>1<!-- <b> -->2<?p <c> ?>3</a><!-- end -->").text, "123");
}

TEST(XmlReaderTest, what_is_not_well_formed_is_refused_with_its_line) {
  try {
    (void)read_xml("<a>\n<b>\n</a>");
    FAIL() << "accepted";
  } catch (const XmlError& error) {
    EXPECT_STREQ(error.what(), "line 3: another end than that of b");
  }
}

TEST(XmlReaderTest, every_way_of_being_no_document_is_refused) {
  for (const char* text : {"",
                           "text",
                           "<",
                           "<a",
                           "<a>",
                           "<a></b>",
                           "<a><b></a></b>",
                           "<a/><b/>",
                           "<a/>text",
                           "<a b/>",
                           "<a b=c/>",
                           "<a b=\"c/>",
                           "<a b=\"1\" b=\"2\"/>",
                           "<a>&nbsp;</a>",
                           "<a>&amp</a>",
                           "<a>&#0;</a>",
                           "<a>&#xd800;</a>",
                           "<a>&#x110000;</a>",
                           "<a>&#12x;</a>",
                           "<a>&#;</a>",
                           "<a><![CDATA[</a>",
                           "<a><!-- </a>",
                           "<a><? </a>",
                           "<a></a",
                           "< a/>",
                           "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"}) {
    EXPECT_THROW((void)read_xml(text), XmlError) << text;
  }
}

TEST(XmlReaderTest, a_document_cut_short_anywhere_is_refused) {
  const std::string whole = "<?xml version='1.0'?><a b=\"&lt;\">1<c/><![CDATA[2]]><!--3--></a>";
  (void)read_xml(whole);

  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THROW((void)read_xml(whole.substr(0, size)), XmlError) << size;
  }
}

TEST(XmlReaderTest, depth_is_limited) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";

  EXPECT_THROW((void)read_xml(deep), XmlError);
}

}  // namespace
}  // namespace redoubt::report
