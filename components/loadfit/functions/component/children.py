"""The function of WarmLambda with all that makes it warm, each with the options that its life cycle needs."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from loadfit.core import limits
from loadfit.core.exact import ceiling
from loadfit.functions.alarms import NAMESPACE, dashboard_body, dimensions
from loadfit.functions.component.code import archive
from loadfit.functions.component.role import TRUST_POLICY, policy_document
from loadfit.functions.component.wiring import Wiring
from loadfit.functions.load import Architecture
from loadfit.functions.plan import Autoscaling
from loadfit.functions.queries import queries
from loadfit.functions.scaling import provisioning_minutes
from loadfit.watching import metric_alarm, physical_name

__all__ = ["Children"]

_LEAST_TIMEOUT_MINUTES = 15
"""The provider's own, for provisioned concurrency."""


class Children:
    """Makes the children, each with the options that its life cycle needs."""

    def __init__(self, component: pulumi.ComponentResource, wiring: Wiring) -> None:
        self.component = component
        self.wiring = wiring
        self.load = wiring.load
        self.region = wiring.load.region

    def name(self, suffix: str) -> str:
        """A child's name; its suffix never changes, or the child would be made anew."""
        return f"{self.wiring.name}-{suffix}"

    def tags(self, suffix: str) -> dict[str, pulumi.Input[str]]:
        """A child's tags: a name of its own, which the user's may override."""
        return {"Name": self.name(suffix), **self.wiring.tags}

    def options(self, **more: Any) -> pulumi.ResourceOptions:
        """A child's options."""
        return pulumi.ResourceOptions(parent=self.component, **more)

    def log_group(self) -> aws.cloudwatch.LogGroup:
        """The function's log group, before the function: Lambda would make one that keeps logs for ever."""
        return aws.cloudwatch.LogGroup(
            self.name("logs"),
            name=f"/aws/lambda/{self.wiring.function_name}",
            retention_in_days=self.wiring.log_retention_days,
            kms_key_id=self.wiring.args.get("log_key_arn"),
            region=self.region,
            tags=self.tags("logs"),
            opts=self.options(),
        )

    def role(self) -> aws.iam.Role:
        """The function's role."""
        return aws.iam.Role(
            self.name("role"),
            assume_role_policy=pulumi.Output.json_dumps(TRUST_POLICY),
            permissions_boundary=self.wiring.args.get("permissions_boundary_arn"),
            tags=self.tags("role"),
            opts=self.options(),
        )

    def role_policy(self, role: aws.iam.Role, log_group: aws.cloudwatch.LogGroup) -> aws.iam.RolePolicy:
        """What the role may do."""
        document = policy_document(self.wiring.label, self.wiring.args, log_group.arn)
        return aws.iam.RolePolicy(
            self.name("policy"),
            role=role.name,
            policy=pulumi.Output.json_dumps(document),
            opts=self.options(),
        )

    def function(
        self, role: aws.iam.Role, log_group: aws.cloudwatch.LogGroup, policy: aws.iam.RolePolicy
    ) -> aws.lambda_.Function:
        """The function; each change of its code or configuration publishes a version."""
        wiring, args, load = self.wiring, self.wiring.args, self.load
        code = args.get("code_object")
        variables = args.get("environment")
        storage = load.ephemeral_storage_mb or limits.LAMBDA_STORAGE_LEAST.value
        return aws.lambda_.Function(
            self.name("function"),
            name=wiring.function_name,
            description=args.get("description"),
            role=role.arn,
            package_type="Image" if wiring.is_image else "Zip",
            code=archive(wiring.code.path) if wiring.code.path is not None else None,
            s3_bucket=code["bucket"] if code else None,
            s3_key=code["key"] if code else None,
            s3_object_version=code.get("version") if code else None,
            image_uri=args.get("image_uri"),
            handler=args.get("handler"),
            runtime=None if wiring.is_image else load.runtime,
            # Always named: left out, the provider would keep the architecture that the function has.
            architectures=[(load.architecture or Architecture.X86_64).value],
            memory_size=load.memory,
            timeout=load.timeout,
            # The same, as for the architecture.
            ephemeral_storage=aws.lambda_.FunctionEphemeralStorageArgs(size=storage),
            # Removed again, it has to be -1: left out, the provider would keep it.
            reserved_concurrent_executions=load.reserved_concurrency or -1,
            # Provisioned concurrency and SnapStart are for published versions only.
            publish=True,
            snap_start=aws.lambda_.FunctionSnapStartArgs(apply_on="PublishedVersions") if load.snapstart else None,
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=variables) if variables else None,
            kms_key_arn=args.get("environment_key_arn"),
            layers=args.get("layers"),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="Text", log_group=log_group.name),
            tracing_config=aws.lambda_.FunctionTracingConfigArgs(mode="Active" if wiring.tracing else "PassThrough"),
            vpc_config=aws.lambda_.FunctionVpcConfigArgs(
                subnet_ids=list(wiring.subnet_ids), security_group_ids=list(wiring.security_group_ids)
            )
            if wiring.subnet_ids
            else None,
            region=self.region,
            tags=self.tags("function"),
            # Creation makes network interfaces and may initialize instances: what that takes has to be allowed before.
            opts=self.options(depends_on=[policy]),
        )

    def alias(self, function: aws.lambda_.Function) -> aws.lambda_.Alias:
        """The alias that everything calls, led to each new version at once."""
        return aws.lambda_.Alias(
            self.name("alias"),
            name=self.wiring.alias_name,
            # The name, not the ARN: ids are parsed at their colons.
            function_name=function.name,
            function_version=function.version,
            region=self.region,
            opts=self.options(),
        )

    def provisioned(
        self, function: aws.lambda_.Function, alias: aws.lambda_.Alias, scaling: Autoscaling
    ) -> aws.lambda_.ProvisionedConcurrencyConfig:
        """Warm instances, on the alias.

        On the version it would be replaced at each deployment, and autoscaling would go on with the old one's.
        """
        minutes = max(_LEAST_TIMEOUT_MINUTES, ceiling(2 * provisioning_minutes(self.load, scaling.max)))
        return aws.lambda_.ProvisionedConcurrencyConfig(
            self.name("provisioned"),
            function_name=function.name,
            qualifier=alias.name,
            provisioned_concurrent_executions=scaling.min,
            region=self.region,
            opts=self.options(
                depends_on=[alias],
                # Under another alias it is another one, and a version cannot have two.
                delete_before_replace=True,
                # Autoscaling sets it from here on: a deployment would set it back, under load.
                ignore_changes=["provisioned_concurrent_executions"],
                # Each change waits until all instances are there.
                custom_timeouts=pulumi.CustomTimeouts(create=f"{minutes}m", update=f"{minutes}m"),
            ),
        )

    def autoscaling(
        self,
        function: aws.lambda_.Function,
        alias: aws.lambda_.Alias,
        provisioned: aws.lambda_.ProvisionedConcurrencyConfig,
        scaling: Autoscaling,
    ) -> None:
        """Target tracking between the plan's limits, and the plan's schedule of them."""
        target = aws.appautoscaling.Target(
            self.name("scaling"),
            service_namespace="lambda",
            scalable_dimension="lambda:function:ProvisionedConcurrency",
            resource_id=pulumi.Output.concat("function:", function.name, ":", alias.name),
            min_capacity=scaling.min,
            max_capacity=scaling.max,
            region=self.region,
            tags=self.tags("scaling"),
            # A target without provisioned concurrency is refused, or scales badly. What scheduled actions have set is
            # not ignored: with a changed load, the new peak has to hold at once, and not from the next action on.
            opts=self.options(depends_on=[provisioned]),
        )
        before: pulumi.Resource = aws.appautoscaling.Policy(
            self.name("tracking"),
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            target_tracking_scaling_policy_configuration=(
                aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
                    target_value=float(scaling.target),
                    predefined_metric_specification=(
                        aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs(
                            predefined_metric_type="LambdaProvisionedConcurrencyUtilization"
                        )
                    ),
                )
            ),
            region=self.region,
            opts=self.options(depends_on=[target]),
        )
        for action in self.wiring.plan.schedule:
            # One after the other: the service takes one change at a time (ConcurrentUpdateException).
            before = aws.appautoscaling.ScheduledAction(
                self.name(f"schedule-{action.name}"),
                name=action.name,
                service_namespace=target.service_namespace,
                scalable_dimension=target.scalable_dimension,
                resource_id=target.resource_id,
                schedule=action.cron,
                timezone=self.load.timezone,
                scalable_target_action=aws.appautoscaling.ScheduledActionScalableTargetActionArgs(
                    min_capacity=action.min, max_capacity=action.max
                ),
                region=self.region,
                opts=self.options(depends_on=[before]),
            )

    def destination(self, function: aws.lambda_.Function, alias: aws.lambda_.Alias, arn: pulumi.Input[str]) -> None:
        """Where asynchronous requests go that failed."""
        aws.lambda_.FunctionEventInvokeConfig(
            self.name("on-failure"),
            function_name=function.name,
            qualifier=alias.name,
            destination_config=aws.lambda_.FunctionEventInvokeConfigDestinationConfigArgs(
                on_failure=aws.lambda_.FunctionEventInvokeConfigDestinationConfigOnFailureArgs(destination=arn)
            ),
            region=self.region,
            opts=self.options(depends_on=[alias]),
        )

    def alarms(self, function: aws.lambda_.Function, alias: aws.lambda_.Alias) -> list[aws.cloudwatch.MetricAlarm]:
        """The alarms."""
        resource = pulumi.Output.concat(function.name, ":", alias.name)

        def of(metric: Any) -> Mapping[str, pulumi.Input[str]]:
            return dimensions(metric, function.name, resource)

        return [
            metric_alarm(
                self.name(alarm.suffix),
                alarm,
                namespace=NAMESPACE,
                dimensions=of,
                actions=self.wiring.args.get("alarm_actions"),
                region=self.region,
                tags=self.tags(alarm.suffix),
                opts=self.options(),
            )
            for alarm in self.wiring.alarms
        ]

    def dashboard(self, function: aws.lambda_.Function, log_group: aws.cloudwatch.LogGroup) -> None:
        """The dashboard, and the queries of the log."""
        wiring, region = self.wiring, self.region
        aws.cloudwatch.Dashboard(
            self.name("dashboard"),
            # Dashboards share one namespace in an account.
            dashboard_name=physical_name(self.wiring.name),
            dashboard_body=function.name.apply(
                lambda known: dashboard_body(wiring.plan, wiring.alarms, known, wiring.alias_name, region)
            ),
            region=region,
            opts=self.options(),
        )
        for suffix, text in queries(snapstart=bool(self.load.snapstart)).items():
            aws.cloudwatch.QueryDefinition(
                self.name(suffix),
                name=f"{physical_name(self.wiring.name)}/{suffix}",
                query_string=text,
                log_group_names=[log_group.name],
                region=region,
                opts=self.options(),
            )
