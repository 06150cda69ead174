"""Stand-ins of products that cannot be installed, written from the vendors' contracts.

``cophub simulate s4 --port 8081`` serves one; in a test::

    with Simulator("s4") as s4:
        requests.get(s4.url + "/sap/opu/odata/sap/API_PRODUCT_SRV/A_Product?$format=json", auth=...)
        s4.faults.set("lost,method=POST")
        assert s4.log.count("create", "A_BusinessPartner") == 1

A simulator keeps an append-only log of what it did, written before the answer leaves: it is the
oracle of the fault tests. It listens on loopback only and needs nothing but the standard library.
"""

from connectors.simulators.catalogue import PRODUCTS
from connectors.simulators.faults import KINDS, Fault
from connectors.simulators.oplog import Operation
from connectors.simulators.server import Simulator

__all__ = ["KINDS", "PRODUCTS", "Fault", "Operation", "Simulator"]
