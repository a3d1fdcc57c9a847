// The ports of a driver, which its container opens and its Service names.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "spark/configuration.h"
#include "spark/spark_version.h"

namespace stoker::spark {

struct DriverPort {
  std::string_view name;
  std::string_view key;
  std::int64_t otherwise = 0;
  Release since = Release::v3_3;
  std::string_view application_protocol;  // of the Service, where those are said; "" none
};

std::span<const DriverPort> driver_ports();

// The container's block manager also goes by the executors' key; the Service's does not, in any release.
Result<std::int64_t> container_port(const DriverPort& port, const ConfigurationReader& configuration);
Result<std::int64_t> service_port(const DriverPort& port, const ConfigurationReader& configuration);

}  // namespace stoker::spark
