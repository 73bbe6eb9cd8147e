// SPDX-License-Identifier: Apache-2.0
//
// Reads the XML that test reports are made of: elements, attributes, text, CDATA, character
// references and the five entities. Comments, processing instructions and the document type are
// passed over; entities of a document's own are refused.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace redoubt::report {

struct XmlElement {
  std::string name;
  std::map<std::string, std::string, std::less<>> attributes;
  std::string text;  // all of it, without what lies in the children
  std::vector<XmlElement> children;

  // Of that attribute; empty if there is none.
  [[nodiscard]] std::string attribute(std::string_view key) const;
};

class XmlError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The outermost element. Throws XmlError with the line for what is not well-formed, or nested
// deeper than any report.
[[nodiscard]] XmlElement read_xml(std::string_view document);

}  // namespace redoubt::report
