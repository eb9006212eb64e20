package dev.postrider.testkit;

import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Skips tests where there is no libfaketime; but never in CI, where a test that is skipped proves nothing to anybody. */
public final class NeedsFaketime implements ExecutionCondition {

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        if (ClockedServer.library().isPresent()) {
            return ConditionEvaluationResult.enabled("libfaketime is installed");
        }
        String reason = "There is no libfaketime on this machine: apt-get install faketime";
        if ("true".equals(System.getenv("CI"))) {
            throw new IllegalStateException(reason);
        }
        return ConditionEvaluationResult.disabled(reason);
    }
}
