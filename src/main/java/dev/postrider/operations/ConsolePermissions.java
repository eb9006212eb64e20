package dev.postrider.operations;

import io.hawt.jmx.JMXSecurityMBean;
import java.util.List;
import java.util.Map;
import javax.management.MalformedObjectNameException;
import javax.management.ObjectName;
import javax.management.openmbean.CompositeDataSupport;
import javax.management.openmbean.OpenDataException;
import javax.management.openmbean.TabularData;
import javax.management.openmbean.TabularDataSupport;
import org.springframework.jmx.export.annotation.ManagedOperation;
import org.springframework.jmx.export.annotation.ManagedResource;
import org.springframework.stereotype.Component;

/**
 * Tells Hawtio which operations it may offer, so that it greys out what {@link JolokiaRestrictor} would refuse.
 *
 * <p>Hawtio looks for an MBean of this type and area, and asks it with these signatures.
 */
@Component
@ManagedResource(
        objectName = "dev.postrider:type=security,area=jmx,name=ConsolePermissions",
        description = "Which operations the console may offer")
public class ConsolePermissions {

    private final JolokiaRestrictor restrictor = new JolokiaRestrictor();

    @ManagedOperation(description = "Whether any operation of this MBean is allowed")
    public boolean canInvoke(String mbean) throws MalformedObjectNameException {
        return restrictor.isAnyOperationAllowed(new ObjectName(mbean));
    }

    @ManagedOperation(description = "Whether this operation of this MBean is allowed")
    public boolean canInvoke(String mbean, String operation) throws MalformedObjectNameException {
        return restrictor.isOperationAllowed(new ObjectName(mbean), operation);
    }

    @ManagedOperation(description = "Whether this operation, with these types of arguments, is allowed")
    public boolean canInvoke(String mbean, String operation, String[] types) throws MalformedObjectNameException {
        return canInvoke(mbean, operation + "(" + String.join(",", types) + ")");
    }

    @ManagedOperation(description = "Which of these operations are allowed, by MBean")
    public TabularData canInvoke(Map<String, List<String>> operations)
            throws MalformedObjectNameException, OpenDataException {
        TabularData answer = new TabularDataSupport(JMXSecurityMBean.CAN_INVOKE_TABULAR_TYPE);
        for (Map.Entry<String, List<String>> mbean : operations.entrySet()) {
            for (String operation : mbean.getValue()) {
                answer.put(new CompositeDataSupport(
                        JMXSecurityMBean.CAN_INVOKE_RESULT_ROW_TYPE,
                        JMXSecurityMBean.CAN_INVOKE_RESULT_COLUMNS,
                        new Object[] {mbean.getKey(), operation, canInvoke(mbean.getKey(), operation)}));
            }
        }
        return answer;
    }
}
