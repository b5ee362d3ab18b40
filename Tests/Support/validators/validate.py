"""Holds documents against the validators of those who made their formats: validate.py FORMAT FILE...

Prints for each file one line with the number of faults, and the faults on standard error.
"""

import json
import sys


def spdx23(path):
    from spdx_tools.spdx.parser.error import SPDXParsingError
    from spdx_tools.spdx.parser.json import json_parser
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    try:
        document = json_parser.parse_from_file(path)
    except SPDXParsingError as error:
        return error.get_messages()
    return [message.validation_message for message in validate_full_spdx_document(document)]


def spdx30(path):
    from spdx_python_model import v3_0_1 as spdx

    objects = spdx.SHACLObjectSet()
    try:
        with open(path, "rb") as file:
            spdx.JSONLDDeserializer().read(file, objects)
        # Written again, every element is checked: types, required fields, allowed values.
        spdx.JSONLDSerializer().serialize_data(objects)
    except Exception as error:  # The model raises many kinds.
        return [f"{type(error).__name__}: {error}"]
    documents = list(objects.foreach_type(spdx.SpdxDocument))
    faults = [f"nothing is {name}" for name in sorted(objects.link())]
    if len(documents) != 1:
        faults.append(f"expected one SpdxDocument, found {len(documents)}")
    return faults


def cyclonedx16(path):
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    from packageurl import PackageURL

    text = open(path).read()
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error:
        return [str(error)]
    document = json.loads(text)
    faults = []
    known = {"system"} | {component["bom-ref"] for component in document["components"]}
    for dependency in document["dependencies"]:
        faults += [f"nothing is {name}" for name in [dependency["ref"], *dependency["dependsOn"]] if name not in known]
    for component in document["components"]:
        url = component.get("purl")
        if url and PackageURL.from_string(url).name != component["name"]:
            faults.append(f"{url} is not of {component['name']}")
    return faults


def licences(path):
    """Lines of licence expressions, whose words must all be SPDX's."""
    from spdx_tools.common.spdx_licensing import spdx_licensing

    faults = []
    for line in open(path).read().splitlines():
        found = spdx_licensing.validate(line)
        faults += [f"{line}: {error}" for error in found.errors]
    return faults


def dsse(path):
    """An envelope, a space and a public key in base 64: the signature by another implementation, and SLSA's fields."""
    import base64
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    path, key = path.split(" ")
    envelope = json.load(open(path))
    payload = base64.b64decode(envelope["payload"], validate=True)
    kind = envelope["payloadType"].encode()
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)
    try:
        for signature in envelope["signatures"]:
            Ed25519PublicKey.from_public_bytes(base64.b64decode(key)).verify(
                base64.b64decode(signature["sig"], validate=True), signed)
    except InvalidSignature:
        return ["the signature is not of this payload"]
    statement = json.loads(payload)
    faults = []
    if statement.get("_type") != "https://in-toto.io/Statement/v1":
        faults.append("no in-toto statement")
    if statement.get("predicateType") != "https://slsa.dev/provenance/v1":
        faults.append("no SLSA provenance")
    for subject in statement["subject"]:
        if not subject["digest"]:
            faults.append(f"no digest of {subject['name']}")
    definition, details = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
    for record, fields in [(definition, ["buildType", "externalParameters"]), (details["builder"], ["id"])]:
        faults += [f"no {field}" for field in fields if field not in record]
    return faults


CHECKS = {
    "spdx-2.3": spdx23, "spdx-3.0": spdx30, "cyclonedx-1.6": cyclonedx16, "licences": licences, "dsse": dsse,
}

for path in sys.argv[2:]:
    faults = CHECKS[sys.argv[1]](path)
    print(len(faults))
    for fault in faults:
        print(f"{path}: {fault}", file=sys.stderr)
