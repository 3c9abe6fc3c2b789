// Which edition of the interface a client library is: who links it says so, by what it links in (EditionCurrent,
// EditionBasic). The number is that of InterfaceEdition in RemotingCore.
#pragma once
#include <stdint.h>
int32_t presync_interface_edition(void);
