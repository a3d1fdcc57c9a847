// Configuration files of Hadoop, such as core-site.xml. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stoker::codec {

using HadoopProperties = std::map<std::string, std::string, std::less<>>;

// <configuration><property><name>…</name><value>…</value></property>…; of a name that comes twice the last counts.
// Inclusions and variables (`${user.home}`) are not followed: what has one stays as it is written. Errors:
// invalid_document, with the byte offset.
Result<HadoopProperties> read_hadoop_configuration(std::string_view xml);

}  // namespace stoker::codec
