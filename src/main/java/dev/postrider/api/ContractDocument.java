package dev.postrider.api;

import com.fasterxml.jackson.databind.JsonNode;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** Serves the OpenAPI document as JSON. */
@RestController
class ContractDocument {

    private final Contract contract;

    ContractDocument(Contract contract) {
        this.contract = contract;
    }

    @GetMapping("/openapi.json")
    JsonNode document() {
        return contract.document();
    }
}
