"""What an operator would write: walk, load every certificate, print its date."""
import json
import os
import sys

from cryptography import x509

for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(folder, name)
        with open(path, "rb") as file:
            content = file.read()
        try:
            for number, cert in enumerate(x509.load_pem_x509_certificates(content), 1):
                said = path if number == 1 else f"{path} #{number}"
                print(json.dumps({"name": said, "not_after": cert.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")}))
        except ValueError:
            print(json.dumps({"name": path, "reason": "unparsable"}))
