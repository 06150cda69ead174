"""The part of Workday's Human_Resources that Get_Workers needs: its WSDL, and a worker as XML."""

from __future__ import annotations

from xml.sax.saxutils import escape

from connectors.simulators.tables import Row

Shape = dict[str, "Shape | str"]

_REQUEST: Shape = {
    "Request_References?": {"Worker_Reference*": {"ID*": "typed"}},
    "Request_Criteria?": {
        "Transaction_Log_Criteria_Data*": {
            "Transaction_Date_Range_Data?": {"Updated_From?": "dateTime", "Updated_Through?": "dateTime"}
        },
        "Exclude_Inactive_Workers?": "boolean",
    },
    "Response_Filter?": {
        "As_Of_Effective_Date?": "date", "As_Of_Entry_DateTime?": "dateTime", "Page?": "decimal", "Count?": "decimal",
    },
    "Response_Group?": {
        "Include_Reference?": "boolean", "Include_Personal_Information?": "boolean",
        "Include_Employment_Information?": "boolean", "Include_Organizations?": "boolean",
    },
}  # fmt: skip
_NAME: Shape = {"First_Name?": "string", "Last_Name?": "string", "Local_Name?": "string"}
_RESPONSE: Shape = {
    "Response_Results?": {
        "Total_Results?": "decimal", "Total_Pages?": "decimal", "Page_Results?": "decimal", "Page?": "decimal",
    },
    "Response_Data?": {
        "Worker*": {
            "Worker_Reference?": {"ID*": "typed"},
            "Worker_Descriptor?": "string",
            "Worker_Data?": {
                "Worker_ID?": "string",
                "User_ID?": "string",
                "Personal_Data?": {
                    "Name_Data?": {"Legal_Name_Data?": {"Name_Detail_Data?": _NAME}},
                    "Contact_Data?": {
                        "Phone_Data*": {"Formatted_Phone?": "string"},
                        "Email_Address_Data*": {"Email_Address?": "string"},
                    },
                },
                "Employment_Data?": {
                    "Worker_Job_Data*": {"Position_Data?": {"Business_Title?": "string"}},
                    "Worker_Status_Data?": {
                        "Active?": "boolean", "Hire_Date?": "date", "Terminated?": "boolean",
                        "Termination_Date?": "date",
                    },
                },
                "Organization_Data?": {"Worker_Organization_Data*": {"Organization_Reference_ID?": "string"}},
            },
        }
    },
}  # fmt: skip


FIELDS = frozenset({
    "Worker_ID", "User_ID", "First_Name", "Last_Name", "Local_Name", "Email", "Phone", "Business_Title", "Organization",
    "Hire_Date", "Active", "Termination_Date", "Last_Functionally_Updated", "Entered",
})  # fmt: skip
"""Of a worker as the product keeps it."""


def document(address: str) -> str:
    """The WSDL, its schema inside."""
    schema = (
        '<xsd:schema elementFormDefault="qualified" attributeFormDefault="qualified" '
        'targetNamespace="urn:com.workday/bsvc" xmlns:wd="urn:com.workday/bsvc">'
        '<xsd:complexType name="ID"><xsd:simpleContent><xsd:extension base="xsd:string">'
        '<xsd:attribute name="type" type="xsd:string"/></xsd:extension></xsd:simpleContent></xsd:complexType>'
        f"{_root('Get_Workers_Request', _REQUEST)}{_root('Get_Workers_Response', _RESPONSE)}</xsd:schema>"
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><wsdl:definitions name="Human_Resources" '
        'targetNamespace="urn:com.workday/bsvc/Human_Resources" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:soapbind="http://schemas.xmlsoap.org/wsdl/soap/" '
        'xmlns:wd="urn:com.workday/bsvc" xmlns:wd-wsdl="urn:com.workday/bsvc/Human_Resources">'
        f"<wsdl:types>{schema}</wsdl:types>"
        '<wsdl:message name="Get_WorkersInputMsg"><wsdl:part name="body" element="wd:Get_Workers_Request"/>'
        '</wsdl:message><wsdl:message name="Get_WorkersOutputMsg">'
        '<wsdl:part name="body" element="wd:Get_Workers_Response"/></wsdl:message>'
        '<wsdl:portType name="Human_ResourcesPort"><wsdl:operation name="Get_Workers">'
        '<wsdl:input message="wd-wsdl:Get_WorkersInputMsg"/><wsdl:output message="wd-wsdl:Get_WorkersOutputMsg"/>'
        "</wsdl:operation></wsdl:portType>"
        '<wsdl:binding name="Human_ResourcesBinding" type="wd-wsdl:Human_ResourcesPort">'
        '<soapbind:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>'
        '<wsdl:operation name="Get_Workers"><soapbind:operation soapAction="" style="document"/>'
        '<wsdl:input><soapbind:body use="literal"/></wsdl:input>'
        '<wsdl:output><soapbind:body use="literal"/></wsdl:output></wsdl:operation></wsdl:binding>'
        '<wsdl:service name="Human_ResourcesService"><wsdl:port name="Human_Resources" '
        f'binding="wd-wsdl:Human_ResourcesBinding"><soapbind:address location="{escape(address)}"/></wsdl:port>'
        "</wsdl:service></wsdl:definitions>"
    )


def _root(name: str, shape: Shape) -> str:
    return f'<xsd:element name="{name}">{_type(shape)}</xsd:element>'


def _type(shape: Shape) -> str:
    return f"<xsd:complexType><xsd:sequence>{''.join(_element(*one) for one in shape.items())}</xsd:sequence>" + (
        '<xsd:attribute name="version" type="xsd:string"/></xsd:complexType>'
    )


def _element(name: str, shape: Shape | str) -> str:
    many = ' maxOccurs="unbounded"' if name.endswith("*") else ""
    head = f'<xsd:element name="{name[:-1]}" minOccurs="0"{many}'
    if isinstance(shape, str):
        kind = "wd:ID" if shape == "typed" else f"xsd:{shape}"
        return f'{head} type="{kind}"/>'
    return f"{head}>{_type(shape)}</xsd:element>"


def worker(row: Row) -> str:
    """A worker as an element of Response_Data. A field that its vendor renamed stands at the end of Worker_Data."""
    contact = f"<wd:Phone_Data>{_all(Formatted_Phone=row.get('Phone'))}</wd:Phone_Data>"
    contact += f"<wd:Email_Address_Data>{_all(Email_Address=row.get('Email'))}</wd:Email_Address_Data>"
    status = _all(
        Active=_flag(row.get("Active")), Hire_Date=row.get("Hire_Date"), Terminated=_flag(not row.get("Active")),
        Termination_Date=row.get("Termination_Date"),
    )  # fmt: skip
    name = _all(**{part: row.get(part) for part in ("First_Name", "Last_Name", "Local_Name")})
    title, unit = _all(Business_Title=row.get("Business_Title")), row.get("Organization")
    return (
        f'<wd:Worker><wd:Worker_Reference><wd:ID wd:type="WID">{_wid(row)}</wd:ID>'
        f'<wd:ID wd:type="Employee_ID">{escape(str(row["Worker_ID"]))}</wd:ID></wd:Worker_Reference>'
        f"{_all(Worker_Descriptor=row.get('Local_Name'))}"
        f"<wd:Worker_Data>{_all(Worker_ID=row['Worker_ID'], User_ID=row.get('User_ID'))}"
        f"<wd:Personal_Data><wd:Name_Data><wd:Legal_Name_Data><wd:Name_Detail_Data>{name}</wd:Name_Detail_Data>"
        f"</wd:Legal_Name_Data></wd:Name_Data><wd:Contact_Data>{contact}</wd:Contact_Data></wd:Personal_Data>"
        f"<wd:Employment_Data><wd:Worker_Job_Data><wd:Position_Data>{title}</wd:Position_Data></wd:Worker_Job_Data>"
        f"<wd:Worker_Status_Data>{status}</wd:Worker_Status_Data></wd:Employment_Data>"
        f"<wd:Organization_Data><wd:Worker_Organization_Data>{_all(Organization_Reference_ID=unit)}"
        "</wd:Worker_Organization_Data></wd:Organization_Data>"
        f"{_all(**{name: value for name, value in row.items() if name not in FIELDS})}</wd:Worker_Data></wd:Worker>"
    )


def _flag(value: object) -> str:
    return str(bool(value)).lower()


def _wid(row: Row) -> str:
    return f"{int(str(row['Worker_ID']).lstrip('W') or 0):032x}"


def _all(**values: object) -> str:
    return "".join(
        f"<wd:{name}>{escape(str(value))}</wd:{name}>" for name, value in values.items() if value is not None
    )
